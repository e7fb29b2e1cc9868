"""Five hundred requests of all kinds at sixteen connections, a third of them hostile: each innocent one is answered
right, and what the service and its jailer hold ends where it began."""
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import random
import socket
import sys
import threading
import time
import unittest

import raw_websocket
import support
import test_jobs

REQUESTS = int(os.environ.get("LAZARET_LOAD_REQUESTS", "500"))
CONNECTIONS = 16


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = support.Service("http://127.0.0.1:1/simple", INTERACTIVE_WAIT_SEC=60, INTERACTIVE_QUEUE_LIMIT=200, BATCH_QUEUE_LIMIT=500)
    has = {image["id"] for image in service.request("GET", "/images")[1]["images"] if image.get("available", True)}
    INNOCENT.extend([run_in(language) for language in ("python", "node") if language in has] * 2)
    INNOCENT.extend([run_in(language) for language in ("go", "rust") if language in has][:1])  # a compiler is worth many others


def tearDownModule():
    service.__exit__(None, None, None)


def post(path, body, status, **options):
    got, answer, _ = service.request("POST", path, body, timeout=90, **options)
    assert got == status, (path, got, answer)
    return answer


def stream(first, *more, mark="exit"):
    """What it prints, and how it ends."""
    with raw_websocket.RawWebSocket(service, token=support.TOKEN) as ws:
        ws.socket.settimeout(90)
        ws.send(first)
        for one in more:
            ws.send(one)
        printed = ""
        while True:
            said = ws.message()
            if isinstance(said, int):
                raise AssertionError(f"closed with {said}")
            if said["type"] == "stdout":
                printed += said["text"]
            if said["type"] in ("exit", "error"):
                return printed, said


# -- the innocent: each proves its answer by a number of its own

def eval_adds(n):
    answer = post("/eval", {"input": f"print({n} + 1)"}, 200)
    assert (answer["stdout"], answer["returncode"]) == (f"{n + 1}\n", 0), answer


def eval_returns_a_file(n):
    answer = post("/eval", {"input": f"open('f.txt', 'w').write('{n}')"}, 200)
    assert base64.b64decode(answer["files"][0]["content"]) == str(n).encode(), answer


def execute_python(n):
    answer = post("/v1/execute", {"runtime": "python", "source": "import sys; print(sys.stdin.read(), sys.argv[1])",
                                  "stdin": str(n), "args": [str(-n)]}, 200)
    assert (answer["stdout"], answer["outcome"]) == (f"{n} {-n}\n", "exited"), answer


def execute_shell(n):
    answer = post("/v1/execute", {"argv": ["sh", "-c", "cat in; echo err >&2; exit 3"], "files": [{"path": "in", "text": f"{n}"}]}, 200)
    assert (answer["stdout"], answer["stderr"], answer["exit_code"]) == (f"{n}", "err\n", 3), answer


def stream_echo(n):
    printed, end = stream({"type": "start", "argv": ["cat"]}, {"type": "stdin", "text": f"{n}"}, {"type": "stdin_end"})
    assert (printed, end["exit_code"]) == (str(n), 0), (printed, end)


def stream_terminal(n):
    printed, end = stream({"type": "start", "argv": ["sh", "-c", f"test -t 0 && echo {n}"], "pty": {"rows": 9, "cols": 9}})
    assert (printed, end["exit_code"]) == (f"{n}\r\n", 0), (printed, end)


PRINTS = {"python": "print({})", "node": "console.log({})", "rust": "fn main() {{ println!(\"{{}}\", {}); }}",
          "go": "package main\nimport \"fmt\"\nfunc main() {{ fmt.Println({}) }}"}


def run_in(language):
    def run(n):
        answer = post("/run", {"code": PRINTS[language].format(n), "image": language, "timeout": 60, "mem_limit": "1g"}, 200)
        assert (answer["stdout"], answer["exit_code"]) == (f"{n}\n", 0), answer
    run.__name__ = "run_" + language
    return run


def later(body):
    """The id of what is to be answered later."""
    return post("/v1/execute", {"async": True, **body}, 202)["execution_id"]


def get(path, condition):
    """What it answers once the condition holds."""
    def ask():
        status, answer, _ = service.request("GET", path, timeout=90)
        assert status == 200, (path, status, answer)
        return condition(answer) and answer
    return service.until(ask, 60, f"{path} is over")


def execute_later(n):
    mine = later({"runtime": "python", "source": "import sys; open('f', 'w').write(sys.stdin.read()); print(sys.argv[1])",
                  "stdin": str(n), "args": [str(-n)]})
    answer = get(f"/v1/executions/{mine}", lambda a: a["status"] in support.ENDED)
    assert (answer["status"], answer["stdout"], answer["files"][0]["text"]) == ("completed", f"{-n}\n", str(n)), answer


def submit_job(source, **spec):
    body, kind = test_jobs.form({"timeout_sec": 30, **spec}, [("main.py", source)])
    return post("/jobs", body, 200, headers={"Content-Type": kind})["job_id"]


def job_makes_an_artifact(n):
    mine = submit_job(f"open('/workspace/output/a', 'w').write('{n}')")
    job = get(f"/jobs/{mine}", lambda a: a["job"]["finished_at"])["job"]
    assert (job["status"], job["artifacts"]) == ("succeeded", ["a"]), job
    assert service.request("GET", f"/jobs/{mine}/artifacts/a")[1] == str(n)


def job_is_followed(n):
    mine = submit_job(f"for i in range(3): print({n} + i)")
    status, events, _ = service.request("GET", f"/jobs/{mine}/logs/stream", timeout=90)
    lines = [line[len("data: "):] for line in events.splitlines() if line.startswith("data: ")]
    assert status == 200 and [str(n + i) for i in range(3)] == [line for line in lines if line.isdigit()], (status, events)


def triage_is_refused_politely(n):
    answer = post("/v1/triage", {"package_name": "six", "version": "1", "surprise": n}, 422)
    assert "surprise" in answer["detail"], answer


def look_around(n):
    assert service.request("GET", "/healthz")[0] == 200
    assert service.request("GET", "/v1/stages")[0] == 200


# -- the hostile: whatever they get, they get an answer or a closed connection

def hostile_program(source, **limits):
    def send(n):
        answer = post("/v1/execute", {"runtime": "python", "source": source, "limits": {"wall_ms": 1500, "memory_mb": 48, "pids": 24, **limits}}, 200)
        assert answer["outcome"] != "canceled", answer
    return send


fork_bomb = hostile_program("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", cpu_ms=400)
eats_memory = hostile_program("x = []\nwhile True: x.append(bytearray(1 << 20))")
floods = hostile_program("while True: print('y' * 60000)", cpu_ms=400, output_bytes=10000)
fills_the_disk = hostile_program("f = open('f', 'wb')\nwhile True: f.write(bytes(1 << 20))", disk_mb=4)
asks_for_the_kernel = hostile_program("import ctypes; ctypes.CDLL(None).syscall(175, 0, 0, 0)")
orphans = hostile_program("import os\nfor _ in range(9):\n  if os.fork() == 0:\n    os.setsid(); __import__('time').sleep(60)")


def leaves_without_its_answer(n):
    body = json.dumps({"argv": ["sleep", "30"]}).encode()
    with socket.create_connection((service.host, service.port)) as s:
        s.sendall(b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + support.TOKEN.encode() +
                  b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)


def leaves_its_stream(n):
    with raw_websocket.RawWebSocket(service, token=support.TOKEN) as ws:
        ws.send({"type": "start", "argv": ["sleep", "30"], **({"pty": {"rows": 1, "cols": 1}} if n % 2 else {})})
        if n % 3:
            ws.until("started")


def breaks_the_protocol(n):
    with raw_websocket.RawWebSocket(service, token=support.TOKEN) as ws, contextlib.suppress(EOFError, ConnectionError):
        ws.send(**random.Random(n).choice([dict(payload=os.urandom(40), opcode=n % 16), dict(payload="{}", mask=False),
                                           dict(payload=b"x" * 200, opcode=9), dict(payload="[" * 5000),
                                           dict(payload=b"", length=1 << 63)]))
        ws.socket.shutdown(socket.SHUT_WR)
        while not isinstance(ws.message(), int):
            pass


def sends_rubbish(n):
    with socket.create_connection((service.host, service.port), timeout=20) as s, contextlib.suppress(ConnectionError):
        s.sendall(os.urandom(300) + b"\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
        while s.recv(4096):
            pass


def leaves_its_run(n):
    body = json.dumps({"code": "while True: pass", "timeout": 30}).encode()
    with socket.create_connection((service.host, service.port)) as s:
        s.sendall(b"POST /run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + support.TOKEN.encode() +
                  b"\r\nContent-Type: application/json\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)


def forgets_what_it_asked_for(n):
    later({"argv": ["sh", "-c", "yes & yes"], "limits": {"wall_ms": 500, "output_bytes": 10 << 20}})


def changes_its_mind(n):
    """Cancels at some moment: while it waits, while it runs, or when it is too late."""
    path = f"/v1/executions/{later({'argv': ['sleep', '30'], 'limits': {'wall_ms': 40}})}"
    if n % 2:
        service.request("GET", path)
    status, answer, _ = service.request("DELETE", path, timeout=60)
    assert (status, answer.get("status")) in ((200, "canceled"), (409, None)), (status, answer)


def bombs_as_a_job(n):
    mine = submit_job("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", timeout_sec=1, pids_limit=24, cpu_limit=0.2)
    assert get(f"/jobs/{mine}", lambda a: a["job"]["finished_at"])["job"]["status"] == "failed"


def sends_half_a_form(n):
    body, kind = test_jobs.form({}, [("main.py", "print(1)")])
    status = service.request("POST", "/jobs", body[:n % len(body)], headers={"Content-Type": kind})[0]
    assert status in (400, 422), status


INNOCENT = [eval_adds, eval_returns_a_file, execute_python, execute_shell, stream_echo, stream_terminal,
            triage_is_refused_politely, look_around, execute_later, job_makes_an_artifact, job_is_followed] * 2
HOSTILE = [fork_bomb, eats_memory, floods, fills_the_disk, asks_for_the_kernel, orphans, leaves_without_its_answer,
           leaves_its_stream, breaks_the_protocol, sends_rubbish, leaves_its_run, forgets_what_it_asked_for, changes_its_mind,
           bombs_as_a_job, sends_half_a_form]


def held(pid):
    """(resident KiB, how many descriptors of each kind)"""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = int(status[status.index("VmRSS:"):].split()[1])
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


class MixedLoad(unittest.TestCase):
    def run_all(self, count):
        """Hands out requests by number to sixteen threads; returns what went wrong with the innocent."""
        numbers = iter(range(count))
        lock, wrong = threading.Lock(), []

        def work():
            while True:
                with lock:
                    n = next(numbers, None)
                if n is None:
                    return
                pick = HOSTILE[n // 3 % len(HOSTILE)] if n % 3 == 2 else INNOCENT[(n - n // 3) % len(INNOCENT)]
                try:
                    pick(n)
                except Exception as e:  # noqa: BLE001
                    with lock:
                        wrong.append(f"{n} {pick.__name__}: {e!r}")

        threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return wrong

    def settled(self):
        """What service and jailer hold once nothing goes on: twice the same in a row."""
        def at_rest():
            stages = service.request("GET", "/v1/stages")[1]["stages"]
            return all(s["in_flight"] == s["queue_depth"] == 0 for s in stages)
        service.until(at_rest, 40, "nothing runs")
        for megabytes in range(64, 74):  # so that the jailer has the same jails prepared, whatever was asked for before
            for _ in range(3):
                post("/v1/execute", {"argv": ["true"], "limits": {"memory_mb": megabytes}}, 200)
        service.until(at_rest, 40, "nothing runs")
        [jailer] = service.jailers()
        before, unchanged = None, 0

        def still():
            nonlocal before, unchanged
            now = held(service.process.pid), held(jailer)
            same = before is not None and [h[1] for h in now] == [h[1] for h in before]
            unchanged, before = unchanged + 1 if same else 0, now
            time.sleep(0.2)
            return unchanged == 4 and now
        return service.until(still, 20, "the descriptors stay as they are")

    def test_five_hundred_requests(self):
        self.assertEqual(self.run_all(150), [])  # until allocators, thread pools and prepared jails have found their size
        first = self.settled()
        began = time.monotonic()
        self.assertEqual(self.run_all(REQUESTS), [])
        took = time.monotonic() - began
        last = self.settled()
        print(f"{REQUESTS} requests in {took:.1f} s; service {first[0]} -> {last[0]}, jailer {first[1]} -> {last[1]} "
              "(resident KiB, descriptors)", file=sys.stderr)
        for name, (_, fds_before), (_, fds_after) in zip(("service", "jailer"), first, last):
            self.assertLessEqual(abs(fds_after - fds_before), 2, f"descriptors of the {name}")
        self.assertLess(last[0][0] - first[0][0], 4 << 10, "the service has grown")
        self.assertLess(last[1][0] - first[1][0], 4 << 10, "the jailer has grown")


if __name__ == "__main__":
    support.main()
