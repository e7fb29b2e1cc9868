"""The front end `jobs` (compat/jobs.md) through real sockets: each row of the contract, and what hostile clients send."""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import support

ID = re.compile(r"^[0-9a-f]{32}$")


def setUpModule():
    global service, own
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    own = free_port()
    service = support.Service("http://127.0.0.1:1/simple", FRONTENDS=f"jobs:{own}", BATCH_CONCURRENCY=3,
                              BATCH_QUEUE_LIMIT=60)


def tearDownModule():
    service.__exit__(None, None, None)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def disposition(name, filename=None):
    head = f'Content-Disposition: form-data; name="{name}"'
    return (head + (f'; filename="{filename}"' if filename is not None else "")).encode()


def form(spec=None, code=(), files=(), boundary="b0undary"):
    """(body, content type) as Python's requests writes it. `code` and `files`: (name, bytes)."""
    parts = [] if spec is None else [(disposition("spec"), json.dumps(spec).encode() if isinstance(spec, dict) else spec)]
    for field, uploads in (("code_files", code), ("input_files", files)):
        parts += [(disposition(field, name), data if isinstance(data, bytes) else data.encode()) for name, data in uploads]
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
    return body + b"--" + boundary.encode() + b"--\r\n", f"multipart/form-data; boundary={boundary}"


def post(path, spec=None, code=(), files=(), to=None, raw=None, content_type=None, timeout=60):
    body, kind = form(spec, code, files)
    body = body if raw is None else raw
    headers = {"Content-Type": content_type or kind}
    return request("POST", path, body, headers, to, timeout)


def request(method, path, body=None, headers=None, to=None, timeout=60):
    """(status, JSON or text, headers); no token, as that system's clients."""
    connection = http.client.HTTPConnection("127.0.0.1", to or service.port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        raw = answer.read()
        kind = answer.getheader("Content-Type", "")
        return answer.status, json.loads(raw) if kind.startswith("application/json") else raw.decode(), answer.headers
    finally:
        connection.close()


def submit(source, spec=None, **fields):
    status, answer, _ = post("/jobs", spec or {}, [("main.py", source)], **fields)
    assert status == 200, (status, answer)
    assert ID.match(answer["job_id"]) and answer["status"] == "queued" and len(answer) == 2, answer
    return answer["job_id"]


def job(job_id):
    status, answer, _ = request("GET", f"/jobs/{job_id}")
    assert status == 200, answer
    return answer["job"]


def ended(job_id, seconds=60):
    return service.until(lambda: (j := job(job_id))["status"] not in ("queued", "running") and j, seconds, "the job ends")


def sync(source, spec=None, files=(), to=None, **more):
    status, answer, _ = post("/jobs/sync", spec or {}, [("main.py", source)], files, to, **more)
    assert status == 200, (status, answer)
    return answer


class Reader:
    """An EventSource-like reader: (event, data) as they come, with the time of each."""

    def __init__(self, job_id, port=None):
        self.socket = socket.create_connection(("127.0.0.1", port or service.port), timeout=60)
        self.socket.sendall(f"GET /jobs/{job_id}/logs/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
        self.stream = self.socket.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        self.headers = {}
        while (line := self.stream.readline().strip()):
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value

    def events(self):
        event, data = "message", []
        for line in self.stream:
            line = line.decode().rstrip("\n")
            if line == "":
                if data:
                    yield event, "\n".join(data), time.monotonic()
                event, data = "message", []
            elif line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
        self.socket.close()

    def lines(self):
        got = [(e, d) for e, d, _ in self.events()]
        assert got[-1] == ("end", "complete"), got[-3:]
        return [d for _, d in got[:-1]]


class Contract(unittest.TestCase):
    maxDiff = None

    def test_a_job_is_queued_runs_and_can_be_asked_for(self):
        job_id = submit("print('hello')")
        done = ended(job_id)
        self.assertEqual(sorted(done), sorted(["id", "spec", "status", "created_at", "started_at", "finished_at",
                                               "exit_code", "error", "artifacts"]))
        self.assertEqual((done["id"], done["status"], done["exit_code"], done["error"], done["artifacts"]),
                         (job_id, "succeeded", 0, None, []))
        self.assertEqual(done["spec"], {"runtime": "python3.12", "entry": "main.py", "args": [], "timeout_sec": 60,
                                        "cpu_limit": 1.0, "mem_limit_mb": 512, "pids_limit": 128,
                                        "net_policy": "none", "env": {}})
        for time_field in ("created_at", "started_at", "finished_at"):
            self.assertRegex(done[time_field], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")
        expected = f"[runner] starting job {job_id}\nhello\n[runner] finished with code 0\n"
        status, text, headers = request("GET", f"/jobs/{job_id}/logs")
        self.assertEqual((status, text), (200, expected))
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        self.assertEqual(request("GET", f"/jobs/{job_id}")[1]["log_lines"], 3)

    def test_sync_answers_with_job_logs_and_artifacts(self):
        answer = sync("import os; open(os.environ['JOB_OUTPUT_DIR'] + '/a.txt', 'w').write('x'); print(1)")
        self.assertEqual(sorted(answer), ["artifacts", "job", "logs"])
        self.assertEqual((answer["job"]["status"], answer["artifacts"], answer["job"]["artifacts"]),
                         ("succeeded", ["a.txt"], ["a.txt"]))
        self.assertIn("\n1\n[runner] finished with code 0\n", answer["logs"])

    def test_a_key_makes_one_job_of_a_form_that_is_sent_twice(self):
        key = f"key-{time.time_ns()}"

        def ask(path, source, boundary, key=key, **headers):
            body, kind = form({}, [("main.py", source)], boundary=boundary)
            return request("POST", path, body, {"Content-Type": kind, "Idempotency-Key": key, **headers})
        status, first, headers = ask("/jobs", "print(1)", "one")
        self.assertEqual((status, headers["Idempotent-Replayed"]), (200, None), first)
        self.assertEqual(ended(first["job_id"])["status"], "succeeded")
        kept = len(os.listdir(service.data / "blobs" / "jobs"))
        for boundary in ("one", "another"):
            status, again, headers = ask("/jobs", "print(1)", boundary)
            self.assertEqual((status, again, headers["Idempotent-Replayed"]), (200, first, "true"))
        status, answer, _ = ask("/jobs", "print(2)", "one")
        self.assertEqual((status, list(answer)), (409, ["detail"]))
        self.assertTrue(answer["detail"].startswith("Idempotency-Key: "), answer)
        for wrong in ("", "x" * 256, "a b", '"', "a,b"):
            status, answer, _ = ask("/jobs", "print(1)", "one", wrong)
            self.assertEqual((status, answer["detail"].startswith("Idempotency-Key: ")), (400, True), (wrong, answer))
        self.assertEqual(len(os.listdir(service.data / "blobs" / "jobs")), kept)
        status, waited, _ = ask("/jobs/sync", "print(1)", "one")  # a route of its own: a job of its own
        self.assertEqual(status, 200)
        self.assertNotEqual(waited["job"]["id"], first["job_id"])
        status, again, headers = ask("/jobs/sync", "print(1)", "two")
        self.assertEqual((status, again, headers["Idempotent-Replayed"]), (200, waited, "true"))

    def test_sync_gives_up_five_seconds_after_the_time_limit(self):
        stage = lambda n: service.request("PATCH", "/v1/stages/batch", {"concurrency": n})
        self.assertEqual(stage(1)[0], 200)
        try:
            blocker = submit("import time; time.sleep(30)")
            service.until(lambda: job(blocker)["status"] == "running", 20, "it runs")
            began = time.monotonic()
            status, answer, headers = post("/jobs/sync", {"timeout_sec": 1}, [("main.py", "pass")])
            took = time.monotonic() - began
            self.assertEqual((status, list(answer)), (504, ["detail"]))
            self.assertTrue(5.5 < took < 8, took)
            request("DELETE", f"/jobs/{blocker}")
            self.assertEqual(ended(headers["X-Job-Id"])["status"], "succeeded")  # it was queued, not lost
        finally:
            stage(3)

    def test_how_jobs_end(self):
        for source, spec, code, error, line in [
            ("import sys; sys.exit(3)", {}, 3, "non-zero exit", None),
            ("raise ValueError('no')", {}, 1, "non-zero exit", "ValueError: no"),
            ("import time\nprint('a', end='')\ntime.sleep(60)", {"timeout_sec": 1}, 137, "timeout",
             "a\n[runner] timeout exceeded, process terminated\n"),
            ("x = bytearray(200 << 20)", {"mem_limit_mb": 64}, 137, "non-zero exit", "[runner] out of memory"),
            ("import os; os.abort()", {}, 134, "non-zero exit", None),
            ("pass", {"entry": "other.py"}, 127, "missing entry file", "[runner] missing entry file: other.py"),
        ]:
            with self.subTest(source):
                answer = sync(source, spec)
                self.assertEqual((answer["job"]["status"], answer["job"]["exit_code"], answer["job"]["error"]),
                                 ("failed", code, error), answer)
                self.assertTrue(answer["logs"].endswith(f"[runner] finished with code {code}\n"), answer["logs"])
                self.assertIn(line or "", answer["logs"])

    def test_what_is_in_the_jail(self):
        source = """
import json, os, sys
def writable(path):
    try:
        open(path + '/probe', 'w').close(); os.remove(path + '/probe'); return True
    except OSError: return False
print(json.dumps({
    'cwd': os.getcwd(), 'argv': sys.argv, 'env': dict(os.environ), 'helper': __import__('helper').n,
    'input': open(os.environ['JOB_INPUT_DIR'] + '/data.bin', 'rb').read().hex(), 'uid': os.getuid(),
    'code': sorted(os.listdir('.')), 'tmp': os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize >> 20,
    'writable': [p for p in ('/', '/workspace', '/workspace/code', '/workspace/input', '/workspace/output', '/tmp', '/usr', '/etc', '/dev/shm') if writable(p)]}))
"""
        status, answer, _ = post("/jobs/sync", {"args": ["a b", ""], "env": {"X": "1", "MPLCONFIGDIR": "/mine", "JOB_ID": "own"}},
                                 [("main.py", source), ("lib/helper.py", "n = 7")], [("../data.bin", b"\0\xff")])
        self.assertEqual(status, 200, answer)
        seen = json.loads(answer["logs"].splitlines()[1])
        self.assertEqual((seen["cwd"], seen["argv"], seen["helper"], seen["input"]),
                         ("/workspace/code", ["main.py", "a b", ""], 7, "00ff"))
        self.assertEqual((seen["code"], seen["tmp"]), (["helper.py", "main.py"], 64))
        self.assertEqual(seen["writable"], ["/workspace/output", "/tmp"])
        env = seen["env"]
        self.assertEqual((env["X"], env["MPLCONFIGDIR"], env["JOB_ID"]), ("1", "/mine", "own"))
        self.assertEqual((env["JOB_INPUT_DIR"], env["JOB_OUTPUT_DIR"]), ("/workspace/input", "/workspace/output"))
        self.assertFalse({"API_TOKEN", "DATA_DIR"} & set(env))
        plain = json.loads(sync("import os, json; print(json.dumps(dict(os.environ)))")["logs"].splitlines()[1])
        self.assertRegex(plain["JOB_ID"], ID)
        self.assertEqual(plain["MPLCONFIGDIR"], "/tmp/matplotlib")

    def test_the_runtime_is_the_one_that_was_asked_for(self):
        for name in ("python", "python3", "python3.11", "python3.12", "code-runner-python"):
            self.assertEqual(sync("print('hello')", {"runtime": name})["logs"].splitlines()[1], "hello", name)
        here = {one["id"].removeprefix("code-runner-") for one in request("GET", "/runtimes", headers={"Authorization": f"Bearer {support.TOKEN}"})[1]["images"]
                if one["available"]}
        said = "console.log(process.argv.slice(2).join(), require('fs').readdirSync('.').join()); require('fs').writeFileSync(process.env.JOB_OUTPUT_DIR + '/made', 'x')"
        for name, entry, source in (("node", "start.js", said), ("bun", "start.ts", said), ("ruby", "-e", "puts ARGV.join(',') + ' ' + Dir.children('.').join; File.write('/workspace/output/made', 'x')")):
            if name not in here:
                print(f"test_jobs: {name} is not installed: deploy/deps.sh --runtimes")
                continue
            status, answer, _ = post("/jobs/sync", {"runtime": name, "entry": entry, "args": ["a", "b"]}, [(entry, source)])
            self.assertEqual((status, answer["logs"].splitlines()[1], answer["artifacts"]), (200, f"a,b {entry}", ["made"]), answer)
            self.assertEqual(answer["job"]["spec"]["runtime"], name)
        for name in ("python2.7", "pythonx", "python3.12; id", "go", "rust", "cobol", ""):
            status, answer, _ = post("/jobs", {"runtime": name}, [("main.py", "")])
            self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["body", "spec", "runtime"]), name)
            self.assertIn("there is no such runtime; there are python, python3,", answer["detail"][0]["msg"])

    def test_the_cpu_limit_holds(self):
        source = "import time\nt = time.monotonic()\nwhile time.process_time() < 0.4: pass\nprint(time.monotonic() - t)"
        self.assertGreater(float(sync(source, {"cpu_limit": 0.2})["logs"].splitlines()[1]), 1.2)

    def test_the_pids_limit_holds(self):
        source = "import os\ntry:\n for _ in range(20):\n  if os.fork() == 0: os.read(os.pipe()[0], 1)\nexcept OSError as e: print('refused', e.errno)"
        self.assertIn("refused 11", sync(source, {"pids_limit": 5, "timeout_sec": 5})["logs"])

    def test_artifacts_come_back_whole_and_in_pieces(self):
        source = ("import os\nos.chdir('/workspace/output')\nopen('big.bin', 'wb').write(bytes(range(256)) * 4096)\n"
                  "open('empty', 'w')\nopen('n\\u00e4me \"x\".txt', 'w').write('y')\nopen('secret', 'w').write('z'); os.chmod('secret', 0)\n"
                  "os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe'); os.mkdir('d'); open('d/inner', 'w')")
        answer = sync(source)
        self.assertEqual(answer["artifacts"], ["big.bin", "empty", 'n\u00e4me "x".txt', "secret"])
        self.assertIn("[runner] 3 entries of the output directory are not artifacts: directories, links and special files", answer["logs"])
        base = f"/jobs/{answer['job']['id']}/artifacts/"
        whole = bytes(range(256)) * 4096

        def get(name, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", service.port)
            connection.request("GET", base + name, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            try:
                return answer.status, answer.read(), answer.headers
            finally:
                connection.close()
        status, body, headers = get("big.bin")
        self.assertEqual((status, body == whole, headers["Accept-Ranges"]), (200, True, "bytes"))
        self.assertEqual(get("empty")[:2], (200, b""))
        self.assertEqual(get("n%C3%A4me%20%22x%22.txt")[:2], (200, b"y"))
        self.assertEqual(get("secret")[:2], (200, b"z"))
        for wanted, first, last in [("bytes=0-0", 0, 0), ("bytes=100-199", 100, 199), ("bytes=1048000-", 1048000, 1048575),
                                    ("bytes=-5", 1048571, 1048575), ("bytes=10-99999999999999999999", 10, 1048575)]:
            status, body, headers = get("big.bin", Range=wanted)
            self.assertEqual((status, body == whole[first:last + 1], headers["Content-Range"]),
                             (206, True, f"bytes {first}-{last}/1048576"), wanted)
        status, _, headers = get("big.bin", Range="bytes=1048576-")
        self.assertEqual((status, headers["Content-Range"]), (416, "bytes */1048576"))
        for ignored in ("bytes=5-1", "lines=1-2", "bytes=0-1,4-5", "bytes=x-"):
            self.assertEqual(get("big.bin", Range=ignored)[0], 200, ignored)
        tag = get("big.bin")[2]["ETag"]
        self.assertEqual(get("big.bin", Range="bytes=0-0", If_Range=tag)[0], 206)
        self.assertEqual(get("big.bin", Range="bytes=0-0", If_Range='"other"')[0], 200)
        resumed = subprocess.run(["curl", "-sS", "-r", "256-511", service.url + base + "big.bin"], capture_output=True, check=True)
        self.assertEqual(resumed.stdout, bytes(range(256)))
        for name in ("nothing", "link", "pipe", "d", "..", "%2e%2e", "..%2f..%2flazaret.sqlite", "..%2finput", "big.bin%00", "%2fetc%2fpasswd", "."):
            status, body, _ = get(name)
            self.assertEqual((status, json.loads(body)), (404, {"detail": "artifact not found"}), name)

    def test_a_large_artifact_takes_no_memory_of_the_service(self):
        answer = sync("import os\nf = open('/workspace/output/big', 'wb')\nfor _ in range(200): f.write(b'x' * (1 << 20))", {"mem_limit_mb": 400})
        self.assertEqual(answer["artifacts"], ["big"])
        peak = lambda: int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{service.process.pid}/status").read_text())[1])
        before = peak()
        path = f"{service.url}/jobs/{answer['job']['id']}/artifacts/big"
        size = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", path], capture_output=True, check=True)
        self.assertEqual(int(size.stdout), 200 << 20)
        self.assertLess(peak() - before, 20 << 10, "KiB")

    def test_unknown_jobs_and_paths(self):
        for path in ("", "/logs", "/logs/stream", "/artifacts/x"):
            for wrong in ("0" * 32, "nothing", "..", "%00", "A" * 32):
                status, answer, _ = request("GET", f"/jobs/{wrong}{path}")
                self.assertEqual((status, answer), (404, {"detail": "job not found"}), (wrong, path))
        self.assertEqual(request("DELETE", "/jobs/" + "0" * 32)[:2], (404, {"detail": "job not found"}))
        self.assertEqual(request("GET", "/nothing", to=own)[:2], (404, {"detail": "Not Found"}))
        self.assertEqual(request("PUT", "/jobs", to=own)[:2], (405, {"detail": "Method Not Allowed"}))

    def test_cancel_kills_the_jail(self):
        running = submit("import time; print('up'); time.sleep(500)", {"timeout_sec": 600})
        service.until(lambda: "up" in request("GET", f"/jobs/{running}/logs")[1], 20, "it runs")
        status, answer, _ = request("DELETE", f"/jobs/{running}")
        self.assertEqual((status, answer["job"]["status"]), (200, "canceled"))
        self.assertEqual(job(running)["status"], "canceled")
        self.assertIn("[runner] canceled", request("GET", f"/jobs/{running}/logs")[1])
        self.assertEqual(request("DELETE", f"/jobs/{running}")[0], 409)
        self.assertEqual(Reader(running).lines()[1], "up")


class OwnPort(unittest.TestCase):
    def test_run_health_and_page(self):
        status, answer, _ = post("/run", {}, [("main.py", "print(open('/workspace/input/a').read()); open('/workspace/output/o', 'w')")],
                                 [("a", "in")], to=own)
        self.assertEqual((status, sorted(answer)), (200, ["artifacts", "error", "exit_code", "job_id", "logs", "status"]))
        self.assertEqual((answer["status"], answer["exit_code"], answer["error"], answer["artifacts"]), ("succeeded", 0, None, ["o"]))
        self.assertIn("\nin\n", answer["logs"])
        self.assertEqual(post("/run", {}, [("main.py", "1/0")], to=own)[1]["status"], "failed")
        self.assertEqual(request("GET", "/health", to=own)[:2], (200, {"status": "ok"}))
        status, page, headers = request("GET", "/", to=own)
        self.assertTrue(status == 200 and "<form" in page and headers["Content-Type"].startswith("text/html"))
        self.assertEqual(post("/run", {}, [("main.py", "")])[0], 401)  # on the main port it is quartermaster's, with a key

    def test_jobs_are_there_too(self):
        self.assertEqual(sync("print(2)", to=own)["job"]["status"], "succeeded")

    def test_curl_and_requests(self):
        with tempfile.TemporaryDirectory() as folder:
            main = pathlib.Path(folder, "main.py")
            main.write_text("import sys; print('from', sys.argv[1], open('/workspace/input/i n.txt').read())")
            pathlib.Path(folder, "i n.txt").write_text("file")
            said = subprocess.run(["curl", "-sS", "-F", 'spec={"args": ["curl"]}', "-F", f"code_files=@{main}",
                                   "-F", f"input_files=@{folder}/i n.txt", f"http://127.0.0.1:{own}/jobs/sync"],
                                  capture_output=True, check=True)
            self.assertIn("from curl file\n", json.loads(said.stdout)["logs"])
            try:
                import requests
            except ImportError:
                self.skipTest("python3-requests is not installed")
            with open(main, "rb") as code, open(f"{folder}/i n.txt", "rb") as data:
                answer = requests.post(f"http://127.0.0.1:{own}/jobs/sync", data={"spec": '{"args": ["requests"]}'},
                                       files=[("code_files", code), ("input_files", data)], timeout=60)
            self.assertIn("from requests file\n", answer.json()["logs"])


class Stream(unittest.TestCase):
    def test_lines_come_while_it_runs_within_100_ms(self):
        # The program and this test read the same clock.
        source = "import time\nfor n in range(12):\n print(n, time.clock_gettime(time.CLOCK_MONOTONIC))\n time.sleep(0.15)"
        late = []
        for _ in range(3):
            job_id = submit(source)
            service.until(lambda: job(job_id)["status"] != "queued", 20, "it begins")
            reader = Reader(job_id)
            self.assertEqual((reader.status, reader.headers["content-type"].split(";")[0]), (200, "text/event-stream"))
            lines = []
            for event, data, at in reader.events():
                lines.append(data)
                if data[0].isdigit() and int(data.split()[0]) > 1:
                    late.append(at - float(data.split()[1]))
            self.assertEqual((lines[0], lines[-2:]), (f"[runner] starting job {job_id}", ["[runner] finished with code 0", "complete"]))
            self.assertEqual([line.split()[0] for line in lines[1:-2]], [str(n) for n in range(12)])
        late.sort()
        print(f"  a line's way to its reader: median {late[len(late) // 2] * 1000:.1f} ms, worst {late[-1] * 1000:.1f} ms")
        self.assertLess(late[-1], 0.1)

    def test_everybody_gets_every_line_once(self):
        source = "import time\nfor n in range(300):\n print(n)\n if n % 30 == 0: time.sleep(0.02)\nprint('no end', end='')"
        job_id = submit(source)
        got = [None] * 6

        def read(n):
            time.sleep(n * 0.05)
            got[n] = Reader(job_id).lines()
        threads = [threading.Thread(target=read, args=(n,)) for n in range(5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        ended(job_id)
        got[5] = Reader(job_id).lines()
        expected = [f"[runner] starting job {job_id}", *map(str, range(300)), "no end", "[runner] finished with code 0"]
        for lines in got:
            self.assertEqual(lines, expected)
        self.assertEqual(request("GET", f"/jobs/{job_id}/logs")[1].splitlines(), expected)

    def test_bytes_that_are_no_text_and_lines_that_are_none(self):
        source = "import os\nos.write(1, b'a\\xffb\\r\\nc\\rd\\n\\n' + '\u20ac'.encode()[:1]); os.write(1, '\u20ac'.encode()[1:] + b'\\n' + b'x' * 600000 + b'\\n\\xe2\\x82')"
        job_id = submit(source)
        ended(job_id)
        lines = Reader(job_id).lines()
        self.assertEqual(lines[1:5], ["a\ufffdb", "c d", "", "\u20ac"])
        self.assertEqual((len(lines[5]), lines[6]), (600000, "\ufffd"))

    def test_a_log_is_capped(self):
        job_id = submit("import os\nfor _ in range(200): os.write(1, b'y' * 99999 + b'\\n')")
        ended(job_id)
        text = request("GET", f"/jobs/{job_id}/logs")[1]
        self.assertLess(len(text), 10_500_000)
        self.assertIn("[runner] output beyond 10485760 bytes was dropped\n", text)
        self.assertEqual(len(Reader(job_id).lines()), text.count("\n"))

    def test_a_slow_reader_holds_up_nobody(self):
        job_id = submit("import os\nfor _ in range(90): os.write(1, b'z' * 99999 + b'\\n')")
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", service.port))
        slow.sendall(f"GET /jobs/{job_id}/logs/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        until = time.monotonic() + 4
        while time.monotonic() < until:
            self.assertNotEqual(slow.recv(1), b"")
            time.sleep(0.25)
        self.assertEqual(ended(job_id)["status"], "succeeded")
        self.assertEqual(len(Reader(job_id).lines()), 92)
        slow.close()


class BadForms(unittest.TestCase):
    def refused(self, status, raw=None, **fields):
        got, answer, _ = post("/jobs", raw=raw, **fields)
        self.assertEqual((got, list(answer)), (status, ["detail"]), answer)
        return answer["detail"]

    def test_a_spec_that_is_none(self):
        code = [("main.py", "")]
        self.assertRegex(self.refused(400, spec=b"{", code=code), "^spec is not valid JSON: ")
        self.assertRegex(self.refused(400, spec=b"", code=code), "^spec is not valid JSON: ")
        self.assertRegex(self.refused(400, spec=b"[" * 100000, code=code), "^spec is not valid JSON: ")
        self.assertEqual(self.refused(422, code=code)[0]["loc"], ["body", "spec"])
        self.assertEqual(self.refused(422, spec=b"[]", code=code)[0]["loc"], ["body", "spec"])
        self.assertEqual(self.refused(422, spec=b"[" + b"[]," * (2 << 20) + b"[]]", code=code)[0]["type"], "too_long")

    def test_every_field_out_of_range_is_named(self):
        for name, values in {"timeout_sec": [0, 601, "x", 1.5, None, -1], "cpu_limit": [0, -1, "x", None, [], 65],
                             "mem_limit_mb": [32, 0, "x", 1 << 60, 1e300], "pids_limit": [0, -5, "x", 1 << 40],
                             "net_policy": ["host", 1, None, "outbound"], "runtime": ["cobol", 1, "python\0"], "entry": ["", 1, "a\0"],
                             "args": ["x", [1], {"a": 1}, ["\0"], ["x" * 600_000]], "env": [[], {"A": 1}, {"": "x"}, {"A=B": "x"}, {"A": "\0"}]}.items():
            for value in values:
                detail = self.refused(422, spec={name: value}, code=[("main.py", "")])
                self.assertEqual((detail[0]["loc"][:3], len(detail)), (["body", "spec", name if name != "env" or value != {} else name], 1),
                                 (name, str(value)[:50]))
        two = self.refused(422, spec={"timeout_sec": 0, "pids_limit": 0}, code=[("main.py", "")])
        self.assertEqual([d["loc"][2] for d in two], ["timeout_sec", "pids_limit"])

    def test_the_edges_are_inside(self):
        for spec in ({"timeout_sec": 1}, {"timeout_sec": 600}, {"timeout_sec": "30"}, {"mem_limit_mb": 33}, {"pids_limit": 1},
                     {"cpu_limit": 0.001, "timeout_sec": 1}, {"unknown": 1}):
            job_id = submit("pass", spec)
            request("DELETE", f"/jobs/{job_id}")

    def test_no_form_at_all(self):
        for kind in ("application/json", "text/plain", "multipart/mixed; boundary=x"):
            self.assertEqual(self.refused(422, raw=b"{}", content_type=kind)[0]["loc"], ["body", "spec"])
        for kind in ("multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="a b "',
                     "multipart/form-data; boundary=" + "x" * 71, "multipart/form-data; boundary=\"x@y\""):
            self.assertEqual(self.refused(400, raw=b"--x--", content_type=kind), "Missing boundary in multipart.")

    def test_broken_multipart(self):
        body, kind = form({}, [("main.py", "pass")])
        head = b"--b0undary\r\n"
        for raw in (b"", b"nothing", body[:-4], body[:60], head, head + b"\r\n\r\nx\r\n--b0undary--", head + b"no header\r\n\r\nx\r\n--b0undary--",
                    head + b"Content-Disposition: attachment; name=spec\r\n\r\n{}\r\n--b0undary--",
                    head + b"Content-Disposition: form-data\r\n\r\n{}\r\n--b0undary--",
                    head + b"X: " + b"y" * 10000 + b"\r\n\r\n{}\r\n--b0undary--",
                    head + disposition("spec") + b"\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\n{}\r\n--i--\r\n--b0undary--",
                    head + disposition("spec") + b"\r\nContent-Transfer-Encoding: base64\r\n\r\ne30=\r\n--b0undary--",
                    b"--b0undaryX" + body[10:]):
            self.assertRegex(self.refused(400, raw=raw, content_type=kind), "^There was an error parsing the body: ", raw[:80])

    def test_files_with_bad_names(self):
        for name in ("..", ".", "a/..", "x\0y", "/", "n" * 256):
            detail = self.refused(422, spec={}, code=[("main.py", ""), (name, "x")])
            self.assertEqual(detail[0]["loc"], ["body", "code_files", 1], name)
        body, kind = form({}, [("main.py", "")])
        self.assertEqual(self.refused(422, raw=body.replace(b"main.py", b"\xff"), content_type=kind)[0]["loc"], ["body", "code_files", 0])
        text = form({})[0].replace(b"--b0undary--", b"--b0undary\r\n" + disposition("code_files") + b"\r\n\r\nx\r\n--b0undary--")
        self.assertEqual(self.refused(422, raw=text, content_type=kind)[0]["loc"], ["body", "code_files", 0])

    def test_two_of_one_name(self):
        status, answer, _ = post("/jobs/sync", {}, [("main.py", "print('first')"), ("x/main.py", "print('second')")])
        self.assertEqual((status, answer["logs"].splitlines()[1]), (200, "second"))

    def test_very_many_files(self):
        self.assertEqual(self.refused(400, spec={}, code=[(f"f{n}", "") for n in range(1001)]),
                         "Too many files. Maximum number of files is 1000.")
        self.assertRegex(self.refused(400, spec={}, code=[(f"f{n}", "") for n in range(10_000)]), "more than 2000 parts")
        status, answer, _ = post("/jobs/sync", {}, [("main.py", "import os; print(len(os.listdir('.')), len(os.listdir('../input')))")]
                                 + [(f"c{n}", "x") for n in range(499)], [(f"i{n}", "y" * 5000) for n in range(500)])
        self.assertEqual((status, answer["logs"].splitlines()[1]), (200, "500 500"))

    def test_large_files(self):
        status, answer, _ = post("/jobs/sync", {"mem_limit_mb": 64}, [("main.py", "import os; print(os.stat('/workspace/input/big').st_size)")],
                                 [("big", b"b" * (60 << 20))])
        self.assertEqual((status, answer["logs"].splitlines()[1]), (200, str(60 << 20)), answer)
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        body, kind = form({}, [("main.py", "")], [("big", b"b" * (100 << 20))])
        try:
            connection.request("POST", "/jobs", body, {"Content-Type": kind})
        except (BrokenPipeError, ConnectionResetError):
            pass  # it answers before it has read all that
        self.assertEqual(connection.getresponse().status, 413)
        connection.close()


class Durable(unittest.TestCase):
    def test_a_restarted_service_goes_on(self):
        with support.Service("http://127.0.0.1:1/simple", BATCH_CONCURRENCY=1, DRAIN_SEC=0) as first:
            ask = lambda s, path: request("GET", path, to=s.port)[1]
            source = ("import os, time\nprint('begun')\nopen('/workspace/output/o', 'w').write(open('/workspace/input/i').read())\n"
                      "time.sleep(float(open('/workspace/input/t').read()))\nprint('over')")
            ids = []
            for n in range(4):
                status, answer, _ = post("/jobs", {}, [("main.py", source)], [("i", f"input {n}"), ("t", "3" if n == 0 else "0")], to=first.port)
                self.assertEqual(status, 200, answer)
                ids.append(answer["job_id"])
            first.until(lambda: "begun" in ask(first, f"/jobs/{ids[0]}/logs"), 30, "the first one runs")
            first.kill()  # -9: one running, three queued
            with support.Service("http://127.0.0.1:1/simple", data=first.data, BATCH_CONCURRENCY=1) as second:
                for n, job_id in enumerate(ids):
                    done = second.until(lambda: (j := ask(second, f"/jobs/{job_id}")["job"])["finished_at"] and j, 60, "it ends")
                    self.assertEqual((done["status"], done["artifacts"]), ("succeeded", ["o"]))
                    log = ask(second, f"/jobs/{job_id}/logs").splitlines()
                    self.assertEqual(log, [f"[runner] starting job {job_id}", "begun", "over", "[runner] finished with code 0"])
                    self.assertEqual(ask(second, f"/jobs/{job_id}/artifacts/o"), f"input {n}")

    def test_sigterm_leaves_what_runs_to_the_next_start(self):
        with support.Service("http://127.0.0.1:1/simple", BATCH_CONCURRENCY=1, DRAIN_SEC=1) as first:
            source = "import os, time; print('begun'); time.sleep(3)"
            running = post("/jobs", {}, [("main.py", source)], to=first.port)[1]["job_id"]
            first.until(lambda: "begun" in request("GET", f"/jobs/{running}/logs", to=first.port)[1], 30, "it runs")
            self.assertEqual(first.stop(), 0)
            with support.Service("http://127.0.0.1:1/simple", data=first.data) as second:
                second.until(lambda: request("GET", f"/jobs/{running}", to=second.port)[1]["job"]["status"] == "succeeded", 30, "it ends")
                log = request("GET", f"/jobs/{running}/logs", to=second.port)[1].splitlines()
                self.assertEqual(log, [f"[runner] starting job {running}", "begun", "[runner] finished with code 0"])

    def test_a_full_queue_says_so(self):
        with support.Service("http://127.0.0.1:1/simple", BATCH_CONCURRENCY=1, BATCH_QUEUE_LIMIT=2) as small:
            code = [("main.py", "import time; time.sleep(60)")]
            first = post("/jobs", {}, code, to=small.port)[1]["job_id"]
            small.until(lambda: request("GET", f"/jobs/{first}", to=small.port)[1]["job"]["status"] == "running", 20, "it runs")
            queued = [post("/jobs", {}, code, to=small.port) for _ in range(2)]
            self.assertEqual([q[0] for q in queued], [200, 200])
            status, answer, headers = post("/jobs", {}, code, to=small.port)
            self.assertEqual((status, answer, headers["Retry-After"]), (503, {"detail": "queue full"}, "5"))
            stage = next(s for s in small.request("GET", "/v1/stages")[1]["stages"] if s["name"] == "batch")
            self.assertEqual((stage["queue_depth"], stage["in_flight"], stage["concurrency"], stage["queue_limit"]), (2, 1, 1, 2))
            self.assertIn('lazaret_stage_queue_depth{stage="batch"} 2', small.request("GET", "/metrics")[1])
            self.assertEqual(small.request("PATCH", "/v1/stages/batch", {"concurrency": 3})[0], 200)
            for q in queued:
                small.until(lambda: request("GET", f"/jobs/{q[1]['job_id']}", to=small.port)[1]["job"]["status"] == "running", 20, "more workers")
            for job_id in [first] + [q[1]["job_id"] for q in queued]:
                self.assertEqual(request("DELETE", f"/jobs/{job_id}", to=small.port)[1]["job"]["status"], "canceled")
            self.assertEqual(len(list((small.data / "blobs" / "jobs").iterdir())), 3)  # nothing of the refused one

    def test_without_an_inline_worker_jobs_wait(self):
        elsewhere = tempfile.mkdtemp(prefix="lazaret-jobs-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, elsewhere)
        with support.Service("http://127.0.0.1:1/simple", INLINE_WORKER=0, JOB_DATA_DIR=elsewhere) as taker:
            job_id = post("/jobs", {}, [("main.py", "print(1)")], to=taker.port)[1]["job_id"]
            self.assertEqual(taker.request("PATCH", "/v1/stages/batch", {"concurrency": 2})[0], 409)
            self.assertEqual(request("GET", f"/jobs/{job_id}", to=taker.port)[1]["job"]["status"], "queued")
            self.assertTrue(pathlib.Path(elsewhere, "jobs", job_id, "input").is_file())
            taker.stop()
            with support.Service("http://127.0.0.1:1/simple", data=taker.data, JOB_DATA_DIR=elsewhere) as worker:
                worker.until(lambda: request("GET", f"/jobs/{job_id}", to=worker.port)[1]["job"]["status"] == "succeeded", 30, "it runs at last")


class Manners(unittest.TestCase):
    def test_clients_on_other_machines_need_a_token_on_the_main_port(self):
        body, kind = form({}, [("main.py", "")])
        self.assertEqual(request("POST", "/jobs", body, {"Content-Type": kind, "X-Forwarded-For": "1.2.3.4"})[0], 401)

    def test_the_service_ends_with_what_it_began(self):
        files = lambda: len(os.listdir(f"/proc/{service.process.pid}/fd"))
        sync("print(1)")
        before = files()
        for _ in range(20):
            job_id = sync("open('/workspace/output/a', 'w').write('x')")["job"]["id"]
            Reader(job_id).lines()
            request("GET", f"/jobs/{job_id}/artifacts/a")
        service.until(lambda: files() <= before + 2, 20, "descriptors are given back")


if __name__ == "__main__":
    support.main()
