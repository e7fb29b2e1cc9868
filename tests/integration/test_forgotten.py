"""Whoever reads what is being forgotten gets the rest of it, and leaves nothing behind."""
import contextlib
import hashlib
import json
import os
import pathlib
import socket
import sqlite3
import threading
import time

import support
from support import TOKEN, Index, Service
from test_jobs import form
from test_triage import version_of

BIG = 48 << 20
ANSWER = 12 << 20
EVENTS = 6000


class Crawler(threading.Thread):
    """Reads an answer so slowly that it is not done while that matters, and not so slowly that it is cut off; the rest at
    once when it is told to."""

    def __init__(self, service, path):
        super().__init__(daemon=True)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.socket.settimeout(60)
        self.socket.connect((service.host, service.port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                            f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        self.hurry, self.taken, self.whole = threading.Event(), 0, bytearray()
        self.start()

    def run(self):
        with self.socket:
            while some := self.socket.recv(1 << 15):
                self.whole += some
                self.taken = len(self.whole)
                self.hurry.wait(0.25)

    def rest(self):
        self.hurry.set()
        self.join(60)
        head, _, body = bytes(self.whole).partition(b"\r\n\r\n")
        return head.decode(), body


def content_length(head):
    return next(int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length:"))


class Forgotten(support.NeedsRoot):
    def many_events(self, service, run_id):
        """As if the run had been seen doing much more than sockets hold."""
        with contextlib.closing(sqlite3.connect(service.data / "lazaret.sqlite", timeout=20)) as store, store:
            (seq,) = store.execute("SELECT seq FROM documents WHERE id = ?", (run_id,)).fetchone()
            (last,) = store.execute("SELECT max(id) FROM document_events WHERE seq = ? AND type = 'end'", (seq,)).fetchone()
            store.execute("UPDATE document_events SET id = id + ? WHERE seq = ? AND id = ?", (EVENTS, seq, last))
            store.executemany("INSERT INTO document_events(seq, id, type, data) VALUES(?, ?, 'observation', ?)",
                              ((seq, last + n, json.dumps({"n": n, "filler": "x" * 4000})) for n in range(EVENTS)))

    def test_a_reader_gets_the_rest_of_what_is_forgotten(self):
        with Index() as index, Service(index.url, RETENTION_MAX_BYTES=1, JOB_RETENTION_MAX_BYTES=1) as service:
            # The first round of the janitor's is over; the next comes within the minute.
            run_id = service.triage("six", version_of("six"))["run_id"]
            report = next((service.data / "blobs/runs" / run_id).glob("report.*/report.json"))
            with open(report, "ab") as more:  # still the same JSON
                more.write(b" " * BIG)
            digest = hashlib.sha256(report.read_bytes()).hexdigest()
            self.many_events(service, run_id)

            source = f"open('/workspace/output/big', 'wb').write(bytes({BIG}))\nfor _ in range(100000): print('x' * 99)"
            body, kind = form({"entry": "main.py"}, code=[("main.py", source)])
            status, answer, _ = service.request("POST", "/jobs", body, headers={"Content-Type": kind})
            self.assertEqual(status, 200, answer)
            job = answer["job_id"]
            status, answer, _ = service.request("POST", "/v1/execute", {
                "argv": ["sh", "-c", f"head -c {ANSWER} /dev/zero | tr '\\0' x"], "async": True,
                "limits": {"output_bytes": 16 << 20}})
            self.assertEqual(status, 202, answer)
            execution = f"/v1/executions/{answer['execution_id']}"
            service.until(lambda: service.request("GET", f"/jobs/{job}")[1]["job"]["status"] == "succeeded", 40, "the job ends")
            service.until(lambda: service.request("GET", execution)[1]["status"] == "completed", 30, "the execution ends")

            readers = {path: Crawler(service, path) for path in (
                f"/v1/runs/{run_id}/report.json", f"/v1/runs/{run_id}/events", f"/jobs/{job}/artifacts/big",
                f"/jobs/{job}/logs/stream", execution)}
            gone = lambda path: service.request("GET", path)[0] == 404
            for path in (f"/v1/runs/{run_id}", f"/jobs/{job}", execution):
                service.until(lambda: gone(path), 90, f"{path} is forgotten")
            self.assertFalse((service.data / "blobs/runs" / run_id).exists())
            self.assertEqual(os.listdir(service.data / "blobs/jobs"), [])
            for path, reader in readers.items():
                self.assertTrue(reader.is_alive() and reader.taken > 0, f"{path} is being read")
            read = {path: reader.rest() for path, reader in readers.items()}
            for path, (head, body) in read.items():
                self.assertTrue(head.startswith("HTTP/1.1 200"), head)
                if not path.endswith(("/events", "/stream")):
                    self.assertEqual(len(body), content_length(head), path)
            self.assertEqual(hashlib.sha256(read[f"/v1/runs/{run_id}/report.json"][1]).hexdigest(), digest)
            self.assertEqual(read[f"/jobs/{job}/artifacts/big"][1], bytes(BIG))
            self.assertEqual(len(json.loads(read[execution][1])["stdout"]), ANSWER)
            # Streams end after a whole event; a client that asks for more is told that there is none.
            for path in (f"/v1/runs/{run_id}/events", f"/jobs/{job}/logs/stream"):
                self.assertTrue(read[path][1].endswith(b"\n\n"), read[path][1][-200:])
                self.assertTrue(gone(path))
            self.assertNotIn(b"event: end", read[f"/v1/runs/{run_id}/events"][1])
            log = read[f"/jobs/{job}/logs/stream"][1]
            self.assertEqual(log.count(b"data: xxx"), 100000)
            self.assertTrue(log.endswith(b"event: end\ndata: complete\n\n"), log[-200:])

            self.assertEqual(service.request("POST", "/v1/execute", {"argv": ["true"]})[0], 200)
            service.until(lambda: service.connections() == 0, 20, "no connection is left")
            files = pathlib.Path(f"/proc/{service.process.pid}/fd")
            held = [os.readlink(one) for one in files.iterdir() if one.is_symlink()]
            self.assertEqual([one for one in held if "/blobs/" in one], [])
            # The orders of magnitude, as the service counts them.
            self.assertGreater(service.metric('lazaret_forgotten_bytes_total{kind="run",reason="size"}'), BIG)
            self.assertGreater(service.metric('lazaret_forgotten_bytes_total{kind="job",reason="size"}'), BIG)
            self.assertEqual(service.metric('lazaret_kept_bytes{kind="job"}'), 0)
            self.assertEqual(service.stop(), 0)


if __name__ == "__main__":
    support.main()
