"""POST /v1/execute with `async`, and /v1/executions/{id}, through real sockets: the answer is the synchronous one, and
neither the end of the connection nor kill -9 of the service loses what was accepted."""
import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import time
import unittest

import support

KNOWN = ["execution_id", "status", "created_at", "started_at", "finished_at", "attempts", "error"]
SLEEP = {"argv": ["sh", "-c", "echo begun; exec sleep 100"], "limits": {"wall_ms": 200_000}}


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = support.Service("http://127.0.0.1:1/simple", BATCH_CONCURRENCY=2, BATCH_QUEUE_LIMIT=20, INTERACTIVE_WAIT_SEC=60)


def tearDownModule():
    service.__exit__(None, None, None)


def submit(body, to=None, **options):
    status, answer, headers = (to or service).request("POST", "/v1/execute", {"async": True, **body}, **options)
    assert status == 202, (status, answer)
    assert sorted(answer) == ["execution_id", "status"] and answer["status"] == "queued", answer
    assert re.fullmatch("[0-9a-f]{32}", answer["execution_id"]), answer
    assert headers["Location"] == "/v1/executions/" + answer["execution_id"], headers
    return answer["execution_id"]


def show(execution_id, to=None):
    status, answer, _ = (to or service).request("GET", "/v1/executions/" + execution_id)
    assert status == 200, (status, answer)
    assert list(answer)[:len(KNOWN)] == KNOWN, answer
    return answer


def is_over(answer):
    return answer["status"] in support.ENDED and answer


def finish(execution_id, to=None, seconds=60):
    return (to or service).until(lambda: is_over(show(execution_id, to)), seconds, "the execution has ended")


def running(execution_id, to=None):
    (to or service).until(lambda: show(execution_id, to)["status"] == "running", 30, "it runs")


def later(body, **options):
    return finish(submit(body, **options))


def kept(of=None):
    return sorted(os.listdir((of or service).data / "blobs" / "jobs"))


def processes(word):
    """Those that have it as an argument of their own."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
    return found


class TheAnswer(unittest.TestCase):
    def test_has_the_fields_of_the_synchronous_one(self):
        for body in [
            {"runtime": "python", "source": "import sys; print(sys.stdin.read(), sys.argv[1:]); print('e', file=sys.stderr)\n"
             "import os; print(os.environ['A'], open('in/f').read()); open('out', 'w').write('o'); sys.exit(3)",
             "stdin": "input", "args": ["x", "y"], "env": {"A": "b"}, "files": [{"path": "in/f", "base64": "Zg=="}],
             "return_files": {"pattern": "out"}},
            {"argv": ["sh", "-c", "echo 1; echo 2 >&2; echo 3"], "output": "merged"},
            {"argv": ["sh", "-c", "kill -11 $$"]},
            {"argv": ["sleep", "9"], "limits": {"wall_ms": 200}},
            {"argv": ["sh", "-c", "head -c 5000 /dev/zero"], "limits": {"output_bytes": 100}},
        ]:
            with self.subTest(body):
                status, now, _ = service.request("POST", "/v1/execute", body, timeout=60)
                self.assertEqual(status, 200, now)
                then = later(body)
                self.assertEqual((then["status"], then["error"], then["attempts"]), ("completed", None, 1))
                self.assertLessEqual(then["created_at"], then["started_at"])
                self.assertLessEqual(then["started_at"], then["finished_at"])
                self.assertEqual(list(then), KNOWN + list(now))
                for field in now.keys() - {"usage", "description"}:
                    self.assertEqual(then[field], now[field], field)
                self.assertEqual(then["usage"].keys(), now["usage"].keys())
                self.assertGreater(then["usage"]["wall_seconds"], 0)

    def test_of_a_compiled_program_that_is_kept(self):
        if not pathlib.Path("/usr/bin/go").exists():
            self.skipTest("go is not installed")
        source = f'package main\nimport ("fmt"; "os"; "io")\nfunc main() {{ b, _ := io.ReadAll(os.Stdin); fmt.Println("{time.time_ns()}", string(b)) }}'
        limits = {"compile_limits": {"memory_mb": 1024, "wall_ms": 120_000}}
        made = finish(submit({"runtime": "go", "source": source, "keep": True, "stdin": "1", **limits}), seconds=180)
        self.assertEqual((made["status"], made["outcome"], made["compile"]["succeeded"]), ("completed", "exited", True), made)
        self.assertRegex(made["artifact"], "^sha256:")
        again = later({"runtime": "go", "artifact": made["artifact"], "stdin": "2"})
        self.assertEqual(again["stdout"].split()[1], "2", again)
        self.assertIsNone(again["compile"])
        broken = finish(submit({"runtime": "go", "source": "nonsense", **limits}), seconds=180)
        self.assertEqual((broken["status"], broken["outcome"], broken["usage"]), ("completed", "compile_failed", None))

    def test_says_why_nothing_could_be_run_in_the_words_of_the_synchronous_form(self):
        for body in [{"argv": ["/no/such/program"]},
                     {"argv": ["true"], "files": [{"path": "d/x"}, {"path": "d"}]},
                     {"runtime": "go", "artifact": "sha256:" + "0" * 64}]:
            status, now, _ = service.request("POST", "/v1/execute", body)
            if "not installed" in now["detail"]:
                continue
            self.assertIn(status, (404, 422))
            then = later(body)
            self.assertEqual((list(then), then["status"], then["error"]), (KNOWN, "failed", now["detail"]))

    def test_of_many_megabytes_comes_back_whole_and_HEAD_tells_its_length(self):
        body = {"runtime": "python", "source": "import os; open('b', 'wb').write(os.urandom(20 << 20))\nprint('é' * 500_000, end='')",
                "return_files": {"max_bytes": 32 << 20}, "limits": {"disk_mb": 64}}
        done = later(body)
        self.assertEqual((len(base64.b64decode(done["files"][0]["base64"])), done["files"][0]["size"]), (20 << 20, 20 << 20))
        self.assertEqual(done["stdout"], "é" * 500_000)
        path, token = "/v1/executions/" + done["execution_id"], {"Authorization": "Bearer " + support.TOKEN}
        connection = http.client.HTTPConnection(service.host, service.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("HEAD", path, headers=token)
        head = connection.getresponse()
        self.assertEqual((head.status, head.read()), (200, b""))
        connection.request("GET", path, headers=token)  # on the same connection: nothing of a body was sent
        self.assertEqual(len(connection.getresponse().read()), int(head.headers["Content-Length"]))

    def test_may_be_asked_for_by_the_header_of_RFC_7240(self):
        def prefer(value, **body):
            return service.request("POST", "/v1/execute", {"argv": ["true"], **body}, headers={"Prefer": value})
        for value in ("respond-async", "wait=10, Respond-Async", "x;y=1,respond-async;foo"):
            status, answer, headers = prefer(value)
            self.assertEqual((status, headers["Preference-Applied"]), (202, "respond-async"), value)
            self.assertEqual(finish(answer["execution_id"])["outcome"], "exited")
        for value in ("respond-asynchronously", "wait=10", '"respond-async"', ","):
            self.assertEqual(prefer(value)[0], 200, value)
        status, _, headers = prefer("respond-async", **{"async": False})  # the body decides
        self.assertEqual((status, headers["Preference-Applied"]), (200, None))
        self.assertIsNone(prefer("x", **{"async": True})[2]["Preference-Applied"])


class Weight(unittest.TestCase):
    def test_whoever_waits_for_an_answer_comes_before_what_is_answered_later(self):
        """Two programs that spin on all processors for the same time, the patient one first."""
        code = """import os, time
print(flush=True)
end = time.monotonic() + 2
for _ in range(os.cpu_count() - 1):
    if os.fork() == 0: break
while time.monotonic() < end: pass"""
        patient = submit({"runtime": "python", "source": code})
        running(patient)
        at_once = service.request("POST", "/v1/execute", {"runtime": "python", "source": code})[1]
        self.assertGreater(at_once["usage"]["cpu_seconds"], 2 * finish(patient)["usage"]["cpu_seconds"])


class Repeated(unittest.TestCase):
    def ask(self, body, key, at=None, **headers):
        return (at or service).request("POST", "/v1/execute", body, headers={"Idempotency-Key": key, **headers})

    def test_the_same_key_gives_the_same_execution_also_after_a_restart_and_another_body_is_409(self):
        with support.Service("http://127.0.0.1:1/simple") as first:
            status, one, headers = self.ask({"async": True, "argv": ["echo", "a"], "env": {"A": "1", "B": "2"}}, "k", first)
            self.assertEqual((status, headers["Idempotent-Replayed"]), (202, None), one)
            done = finish(one["execution_id"], first)
            first.kill()
            with support.Service("http://127.0.0.1:1/simple", data=first.data) as second:
                status, again, headers = self.ask({"env": {"B": "2", "A": "1"}, "argv": ["echo", "a"], "async": True}, '"k"', second)
                self.assertEqual((status, again, headers["Idempotent-Replayed"]), (202, one, "true"))
                self.assertEqual(headers["Location"], "/v1/executions/" + one["execution_id"])
                self.assertEqual(show(one["execution_id"], second), done)
                status, answer, _ = self.ask({"async": True, "argv": ["echo", "b"]}, "k", second)
                self.assertEqual(status, 409)
                self.assertTrue(answer["detail"].startswith("Idempotency-Key: "), answer)
                self.assertEqual(len(kept(second)), 1)

    def test_the_synchronous_form_with_a_key_runs_once_and_answers_the_same_again(self):
        body = {"runtime": "python", "source": "import time, uuid; time.sleep(1); print(uuid.uuid4())", "files": [{"path": "a", "text": "x"}]}
        with concurrent.futures.ThreadPoolExecutor() as clients:
            answers = list(clients.map(lambda _: self.ask(body, "once"), range(4)))
        self.assertEqual({status for status, _, _ in answers}, {200}, answers)
        self.assertEqual(len({json.dumps(answer) for _, answer, _ in answers}), 1, "it ran once")
        self.assertEqual(sorted(str(headers["Idempotent-Replayed"]) for _, _, headers in answers), ["None", "true", "true", "true"])
        plain = service.request("POST", "/v1/execute", body)[1]
        self.assertEqual(answers[0][1].keys(), plain.keys())
        status, later, headers = self.ask({**body, "async": True}, "once")
        self.assertEqual((status, headers["Idempotent-Replayed"]), (202, "true"), "the same execution, asked for otherwise")
        self.assertEqual(show(later["execution_id"])["stdout"], answers[0][1]["stdout"])
        self.assertEqual(self.ask({"argv": ["true"]}, "once")[0], 409)

    def test_the_synchronous_form_with_a_key_outlives_the_service(self):
        body = {"argv": ["sh", "-c", "sleep 3; echo done"]}
        with support.Service("http://127.0.0.1:1/simple") as first:
            with concurrent.futures.ThreadPoolExecutor() as clients:
                asked = clients.submit(self.ask, body, "k", first)
                support.Service.until(lambda: len(kept(first)) == 1, 20, "it is taken in")
                time.sleep(1)
                first.kill()
                self.assertIsNotNone(asked.exception(), "its client lost the connection")
            with support.Service("http://127.0.0.1:1/simple", data=first.data) as second:
                status, answer, headers = self.ask(body, "k", second)
                self.assertEqual((status, answer["stdout"], headers["Idempotent-Replayed"]), (200, "done\n", "true"))
                self.assertEqual(len(kept(second)), 1)

    def test_nobody_who_waits_keeps_the_service_from_its_end(self):
        """SIGTERM hands back what is in hand after DRAIN_SEC, whoever still waits for it; he is told so."""
        for headers in ({"Idempotency-Key": "k"}, {}):
            with self.subTest(str(headers)), support.Service("http://127.0.0.1:1/simple", DRAIN_SEC=2) as ending:
                with concurrent.futures.ThreadPoolExecutor() as clients:
                    asked = clients.submit(ending.request, "POST", "/v1/execute", SLEEP, headers=headers)
                    ending.until(lambda: processes("100"), 20, "it runs")
                    began = time.monotonic()
                    ending.process.send_signal(signal.SIGTERM)
                    self.assertEqual(ending.process.wait(60), 0)
                    self.assertLess(time.monotonic() - began, 8)  # 2, a moment, and a busy machine; it was 19
                    if headers:
                        self.assertEqual(asked.result()[:2], (503, {"detail": "the service is shutting down"}))

    def test_what_was_not_run_says_so_again(self):
        for _ in range(2):
            status, answer, _ = self.ask({"argv": ["/there/is/none"]}, "none")
            self.assertEqual((status, answer["detail"]), (422, "argv[0]: can't be run: No such file or directory"))
            status, answer, _ = self.ask({"runtime": "go", "artifact": "sha256:" + "0" * 64}, "gone")
            self.assertEqual((status, answer["detail"].split(":")[0]), (404, "artifact"))
        with concurrent.futures.ThreadPoolExecutor() as clients:
            asked = clients.submit(self.ask, {"argv": ["sleep", "30"]}, "canceled")
            _, later, _ = self.ask({"argv": ["sleep", "30"], "async": True}, "canceled")
            running(later["execution_id"])
            self.assertEqual(service.request("DELETE", "/v1/executions/" + later["execution_id"])[0], 200)
            self.assertEqual((asked.result()[0], asked.result()[1]["detail"]), (409, "the execution was canceled"))

    def test_a_fault_of_the_service_is_not_the_request_s(self):
        with concurrent.futures.ThreadPoolExecutor() as clients:
            asked = clients.submit(self.ask, {"argv": ["sleep", "4"]}, "unkept")
            _, later, _ = self.ask({"argv": ["sleep", "4"], "async": True}, "unkept")
            running(later["execution_id"])
            (service.data / "blobs/jobs" / later["execution_id"]).chmod(0o555)
            self.assertEqual((asked.result()[0], asked.result()[1]["detail"]), (500, "its answer could not be kept"))
        self.assertEqual(self.ask({"argv": ["sleep", "4"]}, "unkept")[0], 500)

    def test_a_key_that_is_none_is_400(self):
        for wrong in ("", "a b", "x" * 256, '"'):
            for later in (True, False):
                status, answer, _ = self.ask({"async": later, "argv": ["true"]}, wrong)
                self.assertEqual((status, answer["detail"].startswith("Idempotency-Key: ")), (400, True), (wrong, answer))


class Refusals(unittest.TestCase):
    def test_are_those_of_the_synchronous_form_and_come_before_anything_is_stored(self):
        before = kept()
        python = {"runtime": "python", "source": ""}
        for body in [{}, {"runtime": "cobol", "source": ""}, {**python, "argv": ["x"]}, {"runtime": "python"}, {**python, "colour": 1},
                     {**python, "limits": {"wall": 1}}, {**python, "limits": {"wall_ms": 0}}, {**python, "limits": {"memory_mb": 1 << 40}},
                     {**python, "network": "host"}, {**python, "network": "outbound"}, {**python, "hosts": ["x"]}, {"argv": []},
                     {"argv": ["a\0"]}, {"argv": ["a"], "args": ["b"]}, {"argv": ["a"], "env": {"A=B": ""}}, {"argv": ["a"], "stdin": 1},
                     {"argv": ["a"], "files": [{"path": "../x"}]}, {"argv": ["a"], "files": [{"path": "a\0"}]},
                     {"argv": ["a"], "files": [{"path": "x", "base64": "?"}]}, {"argv": ["a"], "files": [{"path": "x"}] * 2},
                     {"argv": ["a"], "files": [{"path": str(n)} for n in range(10_001)]}, {**python, "keep": True},
                     {**python, "artifact": "sha256:" + "0" * 64}, {"runtime": "go", "artifact": "x"}, {"argv": ["a"], "output": "both"},
                     {"argv": ["a"], "return_files": {"pattern": "/x"}}, {**python, "async": 1}, {**python, "async": "true"}]:
            with self.subTest(str(body)[:100]):
                now = service.request("POST", "/v1/execute", body)
                then = service.request("POST", "/v1/execute", {"async": True, **body})
                self.assertIn(now[0], (404, 422), now[1])
                self.assertEqual(then[:2], now[:2])
        status, answer, _ = service.request("POST", "/v1/execute", {**python, "async": 1})
        self.assertEqual((status, answer["detail"]), (422, "async: must be true or false"))
        for raw in (b"", b"[]", b"{\"async\": true", b"{\"async\":true,\"async\":false,\"argv\":[\"true\"]}", b"\xff"):
            status, answer, _ = service.request("POST", "/v1/execute", raw, headers={"Content-Type": "application/json", "Prefer": "respond-async"})
            self.assertIn(status, (400, 422), answer)
        self.assertEqual(service.request("POST", "/v1/execute", {"async": True, "argv": ["true"]}, headers={"Content-Type": "text/xml"})[0], 422)
        self.assertEqual(kept(), before)

    def test_a_stream_has_no_such_field(self):
        import raw_websocket
        with raw_websocket.RawWebSocket(service, token=support.TOKEN) as ws:
            ws.send({"type": "start", "argv": ["true"], "async": True})
            self.assertIn("`async`: unknown field", ws.message()["detail"])

    def test_ids_that_are_none(self):
        job = service.request("POST", "/jobs", b'--b\r\nContent-Disposition: form-data; name="spec"\r\n\r\n{}\r\n--b--\r\n',
                              headers={"Content-Type": "multipart/form-data; boundary=b"})[1]["job_id"]
        for wrong in ("0" * 32, "0" * 31, "F" * 32, "x", "..%2f..", "%00" * 32, "a" * 5000, job):
            for method in ("GET", "DELETE"):
                status, answer, _ = service.request(method, "/v1/executions/" + wrong)
                self.assertEqual((status, answer), (404, {"detail": "no such execution"}), wrong)
        mine = submit({"argv": ["true"]})
        self.assertEqual(service.request("GET", f"/jobs/{mine}")[0], 404)  # nor is an execution a job
        self.assertEqual(service.request("DELETE", f"/jobs/{mine}")[0], 404)

    def test_the_token_is_asked_for(self):
        mine = submit({"argv": ["true"]})
        for method, path, body in [("POST", "/v1/execute", {"async": True, "argv": ["true"]}), ("GET", f"/v1/executions/{mine}", None),
                                   ("DELETE", f"/v1/executions/{mine}", None)]:
            self.assertEqual(service.request(method, path, body, token=None)[0], 401)
            self.assertEqual(service.request(method, path, body, token="wrong")[0], 401)
        self.assertEqual(service.request("POST", f"/v1/executions/{mine}", {})[0], 405)

    def test_a_full_queue_says_when_to_come_back_and_keeps_nothing(self):
        with support.Service("http://127.0.0.1:1/simple", BATCH_CONCURRENCY=1, BATCH_QUEUE_LIMIT=2) as small:
            first = submit(SLEEP, small)
            running(first, small)
            queued = [submit(SLEEP, small) for _ in range(2)]
            status, answer, headers = small.request("POST", "/v1/execute", {"async": True, **SLEEP})
            self.assertEqual((status, answer, headers["Retry-After"]), (503, {"detail": "queue full"}, "5"))
            self.assertEqual(len(kept(small)), 3)
            for one in [first, *queued]:
                self.assertEqual(small.request("DELETE", "/v1/executions/" + one)[1]["status"], "canceled")


class Cancel(unittest.TestCase):
    def test_of_a_running_one_kills_its_jail_and_keeps_what_it_printed(self):
        nap = f"98.{time.time_ns()}"
        mine = submit({**SLEEP, "argv": ["sh", "-c", f"echo begun; touch f; sleep {nap}"]})
        service.until(lambda: processes(nap), 30, "its program sleeps")
        began = time.monotonic()
        status, answer, _ = service.request("DELETE", "/v1/executions/" + mine)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(processes(nap), [])
        self.assertEqual((status, answer["status"], answer["error"]), (200, "canceled", None))
        self.assertEqual((answer["outcome"], answer["stdout"], answer["files"]), ("canceled", "begun\n", []))
        self.assertEqual(show(mine), answer)
        status, answer, _ = service.request("DELETE", "/v1/executions/" + mine)
        self.assertEqual((status, answer), (409, {"detail": "the execution has ended already"}))

    def test_of_a_queued_one_is_at_once_and_it_never_runs(self):
        held = [submit(SLEEP) for _ in range(2)]
        for one in held:
            running(one)
        mine = submit({"argv": ["true"]})
        self.assertEqual(show(mine)["status"], "queued")
        status, answer, _ = service.request("DELETE", "/v1/executions/" + mine)
        self.assertEqual((status, answer["status"], answer["started_at"], answer["attempts"]), (200, "canceled", None, 0))
        for one in held:
            self.assertEqual(service.request("DELETE", "/v1/executions/" + one)[1]["status"], "canceled")
        self.assertEqual(show(mine), answer)

    def test_of_one_that_has_ended_is_409(self):
        mine = submit({"argv": ["true"]})
        finish(mine)
        self.assertEqual(service.request("DELETE", "/v1/executions/" + mine)[:2], (409, {"detail": "the execution has ended already"}))


class Durable(unittest.TestCase):
    def test_kill_9_loses_nothing_that_was_accepted(self):
        with support.Service("http://127.0.0.1:1/simple", BATCH_CONCURRENCY=1) as first:
            ended = submit({"argv": ["sh", "-c", "echo over; echo kept > f"]}, first)
            answer = finish(ended, first)
            files = [{"path": "n", "text": "x" * 100_000}]
            program = "import sys, time; print(len(open('n').read()), sys.stdin.read()); time.sleep(float(sys.argv[1]))"
            ids = [submit({"runtime": "python", "source": program, "files": files, "stdin": str(n), "args": [str(3 if n == 0 else 0)]}, first)
                   for n in range(4)]
            running(ids[0], first)
            gone = submit(SLEEP, first)
            self.assertEqual(first.request("DELETE", "/v1/executions/" + gone)[1]["status"], "canceled")
            first.kill()
            with support.Service("http://127.0.0.1:1/simple", data=first.data, BATCH_CONCURRENCY=1) as second:
                self.assertEqual(show(ended, second), answer)
                self.assertEqual(show(gone, second)["status"], "canceled")
                done = [finish(one, second) for one in ids]
                self.assertEqual([d["stdout"] for d in done], [f"100000 {n}\n" for n in range(4)])
                self.assertGreaterEqual(done[0]["attempts"], 2)  # the jailer may be there a moment later than the service
                self.assertEqual([d["status"] for d in done], ["completed"] * 4)

    def test_202_means_that_it_is_on_disk(self):
        """Kills the service as soon as the answer's first byte is there, again and again."""
        ids = []
        with support.Service("http://127.0.0.1:1/simple", INLINE_WORKER=0) as taker:
            for n in range(5):
                body = json.dumps({"async": True, "argv": ["cat"], "stdin": str(n) * 10_000}).encode()
                with socket.create_connection((taker.host, taker.port)) as s:
                    s.sendall(b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + support.TOKEN.encode() +
                              b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
                    said = s.recv(1)
                    taker.kill()
                    while more := s.recv(4096):
                        said += more
                ids.append(re.search(rb"/v1/executions/([0-9a-f]{32})", said)[1].decode())
                taker.process.stdout.close()
                taker.start()
            taker.stop()
            with support.Service("http://127.0.0.1:1/simple", data=taker.data) as worker:
                for n, one in enumerate(ids):
                    self.assertEqual(finish(one, worker)["stdout"], str(n) * 10_000)

    def test_the_settings_of_the_day_it_runs_hold(self):
        with support.Service("http://127.0.0.1:1/simple", INLINE_WORKER=0) as taker:
            mine = submit({"argv": ["true"], "limits": {"memory_mb": 512}}, taker)
            taker.stop()
            with support.Service("http://127.0.0.1:1/simple", data=taker.data, EXECUTE_MAX_MEMORY_MB=256) as worker:
                done = finish(mine, worker)
                self.assertEqual((done["status"], done["error"]), ("failed", "limits.memory_mb: must be an integer from 16 to 256"))


if __name__ == "__main__":
    support.main()
