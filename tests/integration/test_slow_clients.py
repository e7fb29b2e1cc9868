"""Clients that are slow, or say half: bounded time, bounded memory, and nobody else notices."""
import contextlib
import json
import os
import pathlib
import socket
import time
import unittest

import support


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = support.Service("http://127.0.0.1:1/simple", INTERACTIVE_WAIT_SEC=60)


def tearDownModule():
    service.__exit__(None, None, None)


def resident():
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status[status.index("VmRSS:"):].split()[1]) << 10


def head(length, method="POST", path="/v1/execute", more=""):
    return (f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {support.TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n").encode()


def connect(receive_buffer=None):
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(60)
    s.connect((service.host, service.port))
    return s


def execution(**fields):
    return json.dumps({"argv": ["echo", "hi"], **fields}).encode()


class SlowClients(unittest.TestCase):
    def assert_others_are_served(self, seconds=2.0):
        began = time.monotonic()
        self.assertEqual(service.request("POST", "/v1/execute", {"argv": ["true"]})[0], 200)
        self.assertLess(time.monotonic() - began, seconds)

    def test_an_answer_read_at_a_byte_a_second_keeps_no_worker_and_ends(self):
        """Eight of 8 MiB each: their memory is bounded, they are cut off when 64 KiB took longer than 30 s."""
        body = json.dumps({"argv": ["sh", "-c", "head -c 8388608 /dev/zero | tr '\\0' x"],
                           "limits": {"output_bytes": 8 << 20}}).encode()
        before = resident()
        slow = [connect(receive_buffer=4096) for _ in range(8)]
        try:
            for s in slow:
                s.sendall(head(len(body)) + body)
            in_flight = 'lazaret_stage_in_flight{stage="interactive"}'
            for s in slow:
                self.assertEqual(s.recv(1), b"H")  # the answer is there: the program has ended
            service.until(lambda: service.metric(in_flight) == 0, 30, "no worker is kept")
            self.assert_others_are_served()
            self.assertLess(resident() - before, 256 << 20)
            self.assertEqual(service.connections(), len(slow))

            def read_on():
                for s in slow:
                    with contextlib.suppress(BlockingIOError, ConnectionError):
                        s.recv(1, socket.MSG_DONTWAIT)
                time.sleep(1)
                return service.connections() == 0
            service.until(read_on, 60, "the connections are cut off")
        finally:
            for s in slow:
                s.close()
        service.until(lambda: resident() - before < 96 << 20, 10, "the memory is given back")

    def test_slow_bodies_wait_apart(self):
        slow = [connect() for _ in range(200)]
        try:
            for s in slow:
                s.sendall(head(1000) + b"{")
            for _ in range(3):
                for s in slow:
                    s.sendall(b" ")
                self.assert_others_are_served()
        finally:
            for s in slow:
                s.close()

    def test_a_half_closed_client_has_left(self):
        """What is asked for without waiting is not run: an end of the input is taken for leaving."""
        body = execution(argv=["sleep", "30"])
        with connect() as s:
            s.sendall(head(len(body)) + body)
            in_flight = 'lazaret_stage_in_flight{stage="interactive"}'
            service.until(lambda: service.metric(in_flight) == 1, 10, "it runs")
            s.shutdown(socket.SHUT_WR)
            service.until(lambda: service.metric(in_flight) == 0, 2, "it has been ended")
            self.assertEqual(s.recv(10), b"")

    def test_pipelined_requests_are_answered_in_their_order(self):
        body = [execution(argv=["echo", f"number-{n}"]) for n in range(20)]
        with connect() as s:
            s.sendall(b"".join(head(len(b)) + b for b in body))
            data = b""
            while data.count(b"number-") < 20:
                some = s.recv(65536)
                self.assertTrue(some, data[-500:])
                data += some
        places = [data.index(b"number-%d\\n" % n) for n in range(20)]
        self.assertEqual(places, sorted(places))

    def test_more_pipelined_than_is_read_ahead_waits_in_the_connection(self):
        body = execution(argv=["sleep", "3"])
        before = resident()
        with connect() as s:
            s.sendall(head(len(body)) + body)
            s.settimeout(1)
            sent = 0
            with self.assertRaises(TimeoutError):
                while sent < 64 << 20:
                    sent += s.send(head(len(body)) + body)
            self.assertLess(resident() - before, 4 << 20)

    def test_slow_heads_are_cut_off(self):
        with connect() as s:
            s.sendall(b"GET /healthz HT")
            began = time.monotonic()
            self.assertIn(s.recv(100)[:12], (b"", b"HTTP/1.1 408"))
            self.assertLess(time.monotonic() - began, 15)


if __name__ == "__main__":
    support.main()
