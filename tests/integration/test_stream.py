"""/v1/execute/stream through a real socket: with the client that people use, and with one that breaks every rule."""
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import raw_websocket
import support
import websockets

RawWebSocket = raw_websocket.RawWebSocket
PING_SEC = 1


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = support.Service("http://127.0.0.1:1/simple", INTERACTIVE_WAIT_SEC=60, STREAM_PING_SEC=PING_SEC)


def tearDownModule():
    service.__exit__(None, None, None)


def connect(**options):
    options.setdefault("extra_headers", {"Authorization": f"Bearer {support.TOKEN}"})
    return websockets.connect(f"ws://{service.host}:{service.port}/v1/execute/stream", **options)


def raw(**options):
    return RawWebSocket(service, token=support.TOKEN, **options)


async def hear(ws, kind="exit"):
    """What is said up to the first message of that kind: (that message, stdout and stderr by name)."""
    heard = {"stdout": b"", "stderr": b""}
    while True:
        said = json.loads(await asyncio.wait_for(ws.recv(), 30))
        if said["type"] in heard:
            heard[said["type"]] += said["text"].encode() if "text" in said else base64.b64decode(said["base64"])
        if said["type"] == kind or said["type"] in ("exit", "error"):
            return said, heard


async def listen_for(ws, text, stream="stdout"):
    heard = ""
    while text not in heard:
        said = json.loads(await asyncio.wait_for(ws.recv(), 30))
        assert said["type"] in ("started", "stdout", "stderr"), said
        if said["type"] == stream:
            heard += said["text"]
    return heard


def start(*argv, **fields):
    return json.dumps({"type": "start", "argv": argv, **fields})


def python(source, **fields):
    return json.dumps({"type": "start", "runtime": "python", "source": source, **fields})


def say(kind, **fields):
    return json.dumps({"type": kind, **fields})


def is_running(mark):
    """Is there a process, in whatever jail, with this in its command line?"""
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in entry.read_bytes().split(b"\0"):
                return True
    return False


def sleeper():
    mark = f"sleeper-{os.getpid()}-{time.monotonic_ns()}"
    return mark, start("sh", "-c", "echo up; sleep 300", mark, limits={"wall_ms": 60000})


class Conversation(unittest.IsolatedAsyncioTestCase):
    async def test_output_comes_as_it_is_printed_and_the_end_says_all(self):
        async with connect() as ws:
            await ws.send(python("import sys, time\nprint('one', flush=True); input()\nprint('err', file=sys.stderr)\n"
                                 "open('f', 'w').write('x'); sys.exit(3)"))
            self.assertEqual(json.loads(await ws.recv()), {"type": "started"})
            await listen_for(ws, "one\n")
            await ws.send(say("stdin", text="go\n"))
            end, heard = await hear(ws)
            self.assertEqual(heard["stderr"], b"err\n")
            self.assertEqual((end["outcome"], end["exit_code"], end["stdout_bytes"]), ("exited", 3, 4))
            self.assertEqual((end["files"], end["output_truncated"]), ([{"path": "f", "size": 1, "text": "x"}], False))
            self.assertGreater(end["usage"]["wall_seconds"], 0)
            self.assertNotIn("stdout", end)
            with self.assertRaises(websockets.ConnectionClosedOK):
                await ws.recv()

    async def test_an_echo_takes_milliseconds(self):
        async with connect() as ws:
            await ws.send(start("cat"))
            await hear(ws, "started")
            took = []
            for n in range(50):
                began = time.monotonic()
                await ws.send(say("stdin", text=f"{n}\n"))
                await listen_for(ws, f"{n}\n")
                took.append(time.monotonic() - began)
            await ws.send(say("stdin_end"))
            self.assertEqual((await hear(ws))[0]["exit_code"], 0)
        took.sort()
        print(f"echo: median {took[25] * 1000:.2f} ms, slowest {took[-1] * 1000:.1f} ms", file=sys.stderr)
        self.assertLess(took[25], 0.05)

    async def test_input_is_text_base64_or_binary_and_its_order_is_kept(self):
        async with connect() as ws:
            await ws.send(start("cat", stdin="0"))
            await ws.send(say("stdin", text="1é"))
            await ws.send(say("stdin", base64=base64.b64encode(b"\xff2").decode()))
            await ws.send(b"\x003")
            await ws.send(say("stdin", text="45"))
            await ws.send(say("stdin_end"))
            _, heard = await hear(ws)
            self.assertEqual(heard["stdout"], "01é".encode() + b"\xff2\x00345")

    async def test_a_character_is_never_cut_in_two(self):
        async with connect() as ws:
            await ws.send(python("import os, sys\nfor b in 'aé€😀'.encode(): os.write(1, bytes([b])); sys.stdin.buffer.read(1)\n"
                                 "os.write(1, b'\\xe2\\x82')"))
            heard = ""
            for _ in range(12):
                await ws.send(b".")
            while True:
                said = json.loads(await ws.recv())
                if said["type"] == "exit":
                    break
                if said["type"] == "stdout" and "text" in said:
                    self.assertNotIn("\ufffd", said["text"])
                    heard += said["text"]
                elif said["type"] == "stdout":
                    self.assertEqual(base64.b64decode(said["base64"]), b"\xe2\x82")
            self.assertEqual(heard, "aé€😀")

    async def test_a_signal_reaches_the_program(self):
        for name, outcome, number in (("TERM", "signalled", 15), ("KILL", "signalled", 9), ("SIGINT", "exited", None)):
            async with connect() as ws:
                await ws.send(python("import time\n"
                                     "try: print('up', flush=True); time.sleep(60)\nexcept KeyboardInterrupt: print('interrupted')"))
                await listen_for(ws, "up")
                await ws.send(say("signal", signal=name))
                end, heard = await hear(ws)
                self.assertEqual((end["outcome"], end["signal"]), (outcome, number))
                self.assertEqual(heard["stdout"], b"interrupted\n" if outcome == "exited" else b"")

    async def test_a_terminal_that_is_resized(self):
        async with connect() as ws:
            await ws.send(start("sh", "-c", "tty; echo $TERM; stty size; read x; stty size; exit 7", pty={"rows": 30, "cols": 100}))
            heard = await listen_for(ws, "30 100")
            self.assertIn("/dev/pts/0\r\nxterm-256color\r\n", heard)
            await ws.send(say("resize", rows=40, cols=120))
            await ws.send(say("stdin", text="\n"))
            end, heard = await hear(ws)
            self.assertIn(b"40 120", heard["stdout"])
            self.assertEqual((end["exit_code"], heard["stderr"]), (7, b""))

    async def test_an_interactive_python_in_a_terminal(self):
        async with connect() as ws:
            await ws.send(start("python3", "-q", pty={"rows": 24, "cols": 80}))
            await listen_for(ws, ">>> ")
            await ws.send(say("stdin", text="6 * 7\n"))
            await listen_for(ws, "42")
            await ws.send(say("stdin", text="while True: pass\n\n"))
            await listen_for(ws, "...")

            async def interrupt():  # as one does: Python may be between looking for a signal and waiting for a key
                while True:
                    await ws.send(say("stdin", text="\x03"))
                    await asyncio.sleep(0.2)

            typing = asyncio.create_task(interrupt())
            await listen_for(ws, "KeyboardInterrupt")
            typing.cancel()
            await ws.send(say("signal", signal="KILL"))
            self.assertEqual((await hear(ws))[0]["signal"], 9)

    async def test_the_end_of_input_in_a_terminal(self):
        async with connect() as ws:
            await ws.send(start("sh", "-c", "cat; echo over", pty={"rows": 24, "cols": 80}, stdin="one\n"))
            await listen_for(ws, "one\r\none\r\n")
            await ws.send(say("stdin_end"))
            self.assertIn(b"over", (await hear(ws))[1]["stdout"])

    async def test_every_ending_has_its_name(self):
        for outcome, source, limits in [
            ("wall_timeout", "import time; time.sleep(60)", {"wall_ms": 300}),
            ("cpu_timeout", "while True: pass", {"cpu_ms": 200}),
            ("out_of_memory", "x = bytearray(200 << 20)", {"memory_mb": 32}),
        ]:
            async with connect() as ws:
                await ws.send(python(source, limits=limits))
                self.assertEqual((await hear(ws))[0]["outcome"], outcome)

    async def test_output_is_capped(self):
        async with connect(max_size=None) as ws:
            await ws.send(start("sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x", limits={"output_bytes": 100000}))
            end, heard = await hear(ws)
            self.assertEqual((len(heard["stdout"]), end["stdout_bytes"], end["output_truncated"]), (100000, 5000000, True))

    async def test_large_files_come_back_and_large_programs_go_in(self):
        async with connect(max_size=None) as ws:
            await ws.send(python("#" * (1 << 20) + "\nopen('big', 'w').write('y' * (12 << 20))"))
            end, _ = await hear(ws)
            self.assertEqual(len(end["files"][0]["text"]), 12 << 20)

    async def test_ten_thousand_tiny_messages(self):
        async with connect() as ws:
            await ws.send(start("wc", "-c"))
            for _ in range(10_000):
                await ws.send(b"x")
            await ws.send(say("stdin_end"))
            self.assertEqual((await hear(ws))[1]["stdout"], b"10000\n")

    async def test_more_input_than_fits_waits_for_the_program(self):
        async with connect() as ws:
            await ws.send(python("import sys, time\nsys.stdin.buffer.read(1); time.sleep(2)\n"
                                 "print(1 + len(sys.stdin.buffer.read()))", limits={"wall_ms": 30000}))

            async def feed():
                for _ in range(64):
                    await ws.send(bytes(256 << 10))
                await ws.send(say("stdin_end"))

            feeding = asyncio.create_task(feed())
            self.assertEqual((await hear(ws))[1]["stdout"], b"16777216\n")
            await feeding


class Refusal(unittest.IsolatedAsyncioTestCase):
    def test_before_the_upgrade(self):
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode()}
        for status, detail, token, headers in [
            (426, "this resource speaks WebSocket (RFC 6455) only", support.TOKEN, {}),
            (426, "Sec-WebSocket-Version: must be 13", support.TOKEN, {**upgrade, "Sec-WebSocket-Version": "8"}),
            (400, "Sec-WebSocket-Key: must be 16 bytes in base64", support.TOKEN, {**upgrade, "Sec-WebSocket-Key": "short"}),
            (401, "invalid or missing token", None, upgrade),
            (401, "invalid or missing token", "wrong", upgrade),
        ]:
            got, answer, sent = service.request("GET", "/v1/execute/stream", token=token, headers=headers)
            self.assertEqual((got, answer["detail"]), (status, detail))
            self.assertEqual(sent.get("Upgrade"), "websocket" if status == 426 else None)
        self.assertEqual(service.request("POST", "/v1/execute/stream", {})[0], 405)

    async def test_a_browser_offers_its_token_as_a_protocol(self):
        token = base64.urlsafe_b64encode(support.TOKEN.encode()).decode().rstrip("=")
        async with connect(extra_headers={}, subprotocols=["lazaret.stream", f"lazaret.bearer.{token}"]) as ws:
            self.assertEqual(ws.subprotocol, "lazaret.stream")
            await ws.send(start("true"))
            self.assertEqual((await hear(ws))[0]["exit_code"], 0)
        for wrong in ("AAAA", "!", ""):
            with RawWebSocket(service, headers=[f"Sec-WebSocket-Protocol: lazaret.stream, lazaret.bearer.{wrong}"]) as ws:
                self.assertEqual(ws.status, 401)

    def test_what_is_wrong_is_named_and_the_connection_closes(self):
        for first, detail in [
            (b"\x00binary", "start: must be the first message, as text"),
            ("not json", "message: not valid JSON"),
            ("[]", "message: must be a JSON object"),
            ({"argv": ["true"]}, "type: is missing, or no string"),
            ({"type": "stdin", "text": "x"}, "type: the first message must be `start`"),
            ({"type": "start"}, "runtime: one of `runtime` and `argv` is needed"),
            ({"type": "start", "argv": ["true"], "surprise": 1}, "`surprise`: unknown field"),
            ('{"type": "start", "argv": ["true"], "argv": ["false"]}', "message: the field `argv` is given twice"),
            ({"type": "start", "argv": ["true"], "limits": {"wall_ms": 0}}, "limits.wall_ms: must be an integer from 1"),
            ({"type": "start", "argv": ["true"], "pty": {"rows": 24}}, "pty.cols: is missing"),
            ({"type": "start", "argv": ["true"], "pty": {"rows": 0, "cols": 80}}, "pty.rows: must be an integer from 1 to 4096"),
            ({"type": "start", "argv": ["true"], "pty": {"rows": 1, "cols": 1, "x": 1}}, "pty: `x`: unknown field"),
            ({"type": "start", "argv": ["true"], "pty": True}, "pty: must be an object with `rows` and `cols`"),
            ({"type": "start", "argv": ["/no/such/program"]}, "argv[0]: can't be run: No such file or directory"),
            ({"type": "start", "argv": ["true"], "files": [{"path": "d/x"}, {"path": "d"}]}, "files[1]: can't be written: Is a directory"),
        ]:
            with self.subTest(detail), raw() as ws:
                ws.send(first, opcode=raw_websocket.BINARY if isinstance(first, bytes) else raw_websocket.TEXT)
                said = ws.message()
                self.assertEqual((said["type"], said["status"]), ("error", 422))
                self.assertTrue(said["detail"].startswith(detail), said)
                self.assertEqual(ws.message(), 1008)

    def test_a_later_message_that_is_wrong_ends_the_program_too(self):
        for later, detail in [
            ({"type": "start", "argv": ["true"]}, "start: was sent already"),
            ({"type": "resize", "rows": 1, "cols": 1}, "resize: the program has no terminal; `start` had no `pty`"),
            ({"type": "signal", "signal": "SEGV"}, "signal.signal: must be one of HUP, INT, "),
            ({"type": "signal", "signal": 9}, "signal.signal: must be a signal's name"),
            ({"type": "stdin"}, "stdin: must have one of `text` and `base64`"),
            ({"type": "stdin", "text": "", "base64": ""}, "stdin: must have one of `text` and `base64`"),
            ({"type": "stdin", "base64": "!"}, "stdin.base64: must be base64"),
            ({"type": "stdin", "text": "", "x": 1}, "stdin: `x`: unknown field"),
            ({"type": "stdin_end", "x": 1}, "stdin_end: `x`: unknown field"),
            ({"type": "surprise"}, "type: `surprise` is none of"),
            ("{", "message: not valid JSON"),
        ]:
            with self.subTest(detail), raw() as ws:
                mark, begin = sleeper()
                ws.send(begin)
                ws.until("stdout")
                ws.send(later)
                said = ws.message()
                self.assertTrue(said["detail"].startswith(detail), said)
                self.assertEqual(ws.message(), 1008)
                support.Service.until(lambda: not is_running(mark), 2, "the program is gone")

    def test_a_message_that_is_too_long(self):
        with raw() as ws:
            ws.send(sleeper()[1])
            ws.until("started")
            ws.send(b"x" * ((1 << 20) + 1), opcode=raw_websocket.BINARY)
            self.assertEqual(ws.until("error")["detail"], "message: must be at most 1048576 bytes long")
            self.assertEqual(ws.message(), 1009)

    def test_frames_that_are_none(self):
        cases = [dict(payload="{}", mask=False), dict(payload="{}", reserved=4), dict(payload="{}", opcode=3),
                 dict(payload="{}", opcode=0), dict(payload=b"\xff\xfe", opcode=raw_websocket.TEXT),
                 dict(payload=b"x" * 200, opcode=raw_websocket.PING), dict(payload=b"", length=1 << 63)]
        for case in cases:
            with self.subTest(case), raw() as ws:
                ws.send(**case)
                with contextlib.suppress(EOFError, ConnectionError):
                    while not isinstance(ws.message(), int):
                        pass
        with raw() as ws:  # in pieces, with a ping between
            text = json.dumps({"type": "start", "argv": ["echo", "whole"]})
            ws.send(text[:5], fin=False)
            ws.send(b"", opcode=raw_websocket.PING)
            for letter in text[5:]:
                ws.send(letter, opcode=0, fin=False)
            ws.send("", opcode=0)
            self.assertEqual(ws.until("stdout")["text"], "whole\n")
        with raw() as ws:  # no TCP segment holds a whole frame
            for byte in ws.frame(json.dumps({"type": "start", "argv": ["echo", "slow"]})):
                ws.socket.sendall(bytes([byte]))
            self.assertEqual(ws.until("stdout")["text"], "slow\n")

    def test_whoever_sends_no_start_is_told_so(self):
        with raw() as ws:
            began = time.monotonic()
            self.assertEqual(ws.message()["detail"], "start: did not come in time")
            self.assertLess(time.monotonic() - began, 15)


class Abandoned(unittest.TestCase):
    """Each way to go ends the jail within two seconds."""

    def begin(self, **options):
        ws = raw(**options)
        self.addCleanup(ws.socket.close)
        mark, begin = sleeper()
        ws.send(begin)
        ws.until("stdout")
        self.assertTrue(is_running(mark))
        return ws, mark

    def gone(self, mark, seconds=2.0):
        began = time.monotonic()
        support.Service.until(lambda: not is_running(mark), seconds, "the program is gone")
        print(f"{self.id().rsplit('_', 1)[-1]}: gone after {(time.monotonic() - began) * 1000:.0f} ms", file=sys.stderr)

    def test_by_closing(self):
        ws, mark = self.begin()
        ws.socket.close()
        self.gone(mark)

    def test_by_a_close_frame(self):
        ws, mark = self.begin()
        ws.send(b"\x03\xe8", opcode=raw_websocket.CLOSE)
        self.assertEqual(ws.message(), 1000)
        self.gone(mark)

    def test_by_half_closing(self):
        ws, mark = self.begin()
        ws.socket.shutdown(1)
        self.gone(mark)

    def test_by_reset(self):
        ws, mark = self.begin()
        ws.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER, 0 s
        ws.socket.close()
        self.gone(mark)

    def test_by_silence(self):
        ws, mark = self.begin()
        self.gone(mark, 2 * PING_SEC + 2)  # whoever answers no ping

    def test_but_not_while_pings_are_answered(self):
        ws, mark = self.begin()
        ws.socket.settimeout(0.5)
        until = time.monotonic() + 4 * PING_SEC
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                ws.message()
        self.assertTrue(is_running(mark))

    def test_by_leaving_more_input_behind_than_the_program_reads(self):
        ws, mark = self.begin()
        ws.socket.settimeout(1)
        with self.assertRaises(TimeoutError):
            while True:
                ws.send(bytes(64 << 10), opcode=raw_websocket.BINARY)
        time.sleep(2 * PING_SEC)  # nothing is read, so that no pong can be seen: it lives on
        self.assertTrue(is_running(mark))
        ws.socket.close()
        self.gone(mark)

    def test_while_it_waits_for_a_worker(self):
        workers = int(next(s for s in service.request("GET", "/v1/stages")[1]["stages"] if s["name"] == "interactive")["concurrency"])
        busy = [self.begin() for _ in range(workers)]
        before = service.metric('lazaret_interactive_refusals_total{reason="left"}')
        ws = raw()
        ws.send(sleeper()[1])
        depth = 'lazaret_stage_queue_depth{stage="interactive"}'
        support.Service.until(lambda: service.metric(depth) == 1, 5, "it waits")
        ws.socket.close()
        for other, mark in busy:
            other.socket.close()
        for _, mark in busy:
            self.gone(mark)
        support.Service.until(lambda: service.metric(depth) == 0, 5, "nobody waits")
        support.Service.until(lambda: service.metric('lazaret_interactive_refusals_total{reason="left"}') == before + 1, 5, "counted")


class Slow(unittest.TestCase):
    def rss(self):
        for line in pathlib.Path(f"/proc/{service.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10

    def test_a_reader_that_does_not_read_stops_the_program_and_not_its_clock(self):
        before = self.rss()
        with raw(receive_buffer=4096) as ws:
            ws.send(start("yes", limits={"wall_ms": 3000, "output_bytes": 16 << 20}))
            timed_out = 'lazaret_jail_outcomes_total{outcome="wall_timeout",runtime="command"}'
            ended = service.metric(timed_out)

            def has_ended():
                ws.send(b"", opcode=raw_websocket.PONG)  # nobody asked, but it is a sign of life
                return service.metric(timed_out) == ended + 1
            support.Service.until(has_ended, 10, "the wall clock has gone on")
            self.assertLess(self.rss() - before, 8 << 20)
            taken = 0
            while True:  # what was held is not lost
                said = ws.message()
                if said["type"] == "exit":
                    break
                taken += len(said.get("text", ""))
            self.assertEqual(said["outcome"], "wall_timeout")
            self.assertEqual(taken, said["stdout_bytes"])
            self.assertLess(taken, 4 << 20)


if __name__ == "__main__":
    support.main()
