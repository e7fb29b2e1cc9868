"""Bad input gets a clear error and leaves the service serving: submissions, clients, indexes, webhooks."""
import contextlib
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

import support
from support import Index, Service, TOKEN, rules
from test_triage import version_of

SUPPORT = support.SOURCE / "tests" / "support"


@contextlib.contextmanager
def helper(script, *words):
    """A server of tests/support; yields its port."""
    process = subprocess.Popen(["/usr/bin/python3", "-u", str(SUPPORT / script), *map(str, words)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline().split()[0])
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


class SubmissionTest(support.NeedsRoot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.index = cls.enterClassContext(Index())
        cls.service = cls.enterClassContext(Service(cls.index.url))

    def post(self, body, **more):
        return self.service.request("POST", "/v1/triage", body, **more)

    def test_names_and_versions_that_none_can_have_are_refused_and_the_field_is_named(self):
        for field, values in {
            "package_name": ["../etc/passwd", "a\0b", "x" * 201, "", "--index-url=x", "-r", "a b", "a;b", "$(id)", "ä", 7, None],
            "version": ["../1", "1\0", "1" * 101, "", "--pre", "-1", "1 2", "1;2", 1.0, None],
        }.items():
            for value in values:
                with self.subTest(field, value=value):
                    body = {"package_name": "six", "version": "1.0", field: value}
                    status, answer, _ = self.post(body)
                    self.assertEqual(status, 422)
                    self.assertIn(field, json.dumps(answer))

    def test_unknown_fields_and_modes_are_refused(self):
        good = {"package_name": "six", "version": "1.16.0"}
        for more in ({"webhook_url": "http://127.0.0.1/"}, {"mode": "destroy"}, {"mode": 1}, {"file_path": ""},
                     {"file_path": "x" * 501}, {"entrypoint": "x" * 201}, {"module_name": "x" * 201}):
            with self.subTest(more):
                self.assertEqual(self.post(good | more)[0], 422)

    def test_the_token_is_asked_for_before_the_body_is_looked_at(self):
        for token in (None, "wrong", TOKEN + "x"):
            status, answer, _ = self.post(b"{not json", token=token)
            self.assertEqual((status, answer), (401, {"detail": "invalid or missing token"}))

    def test_a_denied_package_is_429(self):
        status, answer, _ = self.post({"package_name": "Torch.Audio", "version": "1.0"})
        self.assertEqual((status, answer), (429, {"detail": "package is denied"}))

    def test_bodies_that_are_no_json(self):
        for body in (b"\xff\xfe{}", b"[" * 10_000 + b"]" * 10_000, b'{"package_name": "six"', b"", b"null", b"[]", b'"x"',
                     b'{"package_name":"six","version":"1.0"} trailing', b"x" * 100_000):
            with self.subTest(body[:20]):
                status, answer, _ = self.post(body, headers={"Content-Type": "application/json"})
                self.assertIn(status, (400, 422))
                self.assertTrue(answer["detail"])

    def test_clients_that_misbehave_leave_the_service_serving(self):
        head = b"POST /v1/triage HTTP/1.1\r\nHost: x\r\n"
        attacks = {
            "half a request": head,
            "half a body": head + b"Content-Length: 1000\r\n\r\n{",
            "10 MB of headers": head + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(10_000)),
            "no HTTP": bytes(range(256)) * 100,
            "a body beyond the limit": head + b"Content-Length: 99999999999\r\n\r\n",
        }
        for name, data in attacks.items():
            with self.subTest(name), socket.create_connection((self.service.host, self.service.port), 10) as s:
                with contextlib.suppress(OSError):
                    s.sendall(data)
            self.assertEqual(self.service.request("GET", "/healthz")[0], 200)

    def test_a_client_that_goes_away_from_its_event_stream_leaves_nothing_behind(self):
        run_id = self.service.submit("lz-sample-sleep", "1.0")
        with contextlib.ExitStack() as streams:
            for _ in range(50):
                s = streams.enter_context(socket.create_connection((self.service.host, self.service.port), 10))
                s.sendall(f"GET /v1/runs/{run_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
                s.recv(100)
            self.assertGreaterEqual(self.service.connections(), 50)
        Service.until(lambda: self.service.connections() == 0, 30, "the streams are gone")
        self.service.request("DELETE", f"/v1/runs/{run_id}")


class LimitTest(support.NeedsRoot):
    def test_beyond_the_rate_is_429_and_beyond_the_queue_503(self):
        with Index() as index, Service(index.url, QUEUE_LIMIT=2, MAX_CONCURRENCY=1, PER_IP_RATE_LIMIT=6) as service:
            body = {"package_name": "lz-sample-sleep", "version": "1.0"}
            answers = [service.request("POST", "/v1/triage", body) for _ in range(7)]
            self.assertEqual([status for status, _, _ in answers], [202, 202, 202, 503, 503, 503, 429])
            self.assertEqual(answers[3][1], {"detail": "queue full"})
            self.assertEqual(answers[6][1], {"detail": "rate limit exceeded"})
            for _, answer, _ in answers[:3]:
                service.request("DELETE", f"/v1/runs/{answer['run_id']}")


class HostileIndexTest(support.NeedsRoot):
    def test_an_index_that_lies_hangs_or_floods_fails_the_run_with_a_reason(self):
        # What the run's error must say, or the rule that must be found.
        expected = {"digest": "digest", "loop": "redirect", "endless": "download_cap", "announced": "download_cap",
                    "short": "", "long": "", "reset": "", "nonsense": "", "garbage": "no page", "deep": "",
                    "always": "", "hang": "", "hanging-page": ""}
        with helper("hostile_index.py") as port, \
                Service(f"http://127.0.0.1:{port}/simple", MAX_DOWNLOAD_BYTES=20_000_000, DOWNLOAD_STALL_SEC=3) as service:
            # Everything at once: those that hang must not hold up the others.
            self.assertEqual(service.request("PATCH", "/v1/stages/download", {"concurrency": 16})[0], 200)
            runs = {what: service.submit(f"bad-{what}", "1.0") for what in expected}
            for what, run_id in runs.items():
                with self.subTest(what):
                    run = service.wait(run_id, 200)
                    self.assertTrue(run["error"], run)
                    self.assertNotEqual(run["verdict"], "benign")
                    self.assertIn(expected[what], run["error"] + " ".join(rules(run)))
                    self.assertEqual(service.request("GET", f"/v1/runs/{run_id}/report.html")[0], 200)
            self.assertEqual(service.request("GET", "/readyz")[0], 200)


class WebhookTest(support.NeedsRoot):
    def settled(self, service, run_id):
        service.wait(run_id)
        return Service.until(lambda: (r := service.run(run_id))["delivery"] in ("delivered", "failed") and r, 60,
                             "the delivery is settled")

    def test_a_report_is_delivered_after_errors_and_a_time_to_wait(self):
        with tempfile.TemporaryDirectory() as folder, \
                helper("webhook_sink.py", folder, "500", "429;Retry-After=1", "204") as port, \
                Index() as index, Service(index.url, DISCORD_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook/secret") as service:
            run = self.settled(service, service.submit("six", version_of("six")))
            self.assertEqual(run["delivery"], "delivered")
            kept = [json.loads((pathlib.Path(folder) / f"{n}.json").read_text()) for n in range(3)]
            names = [part["name"] for part in kept[2]["parts"]]
            self.assertEqual(names, ["payload_json", "files[0]", "files[1]"])
            payload = json.loads((pathlib.Path(folder) / "2.payload_json").read_text())
            fields = {field["name"] for field in payload["embeds"][0]["fields"]}
            self.assertLessEqual({"Run ID", "Status", "Mode", "Package", "Version", "Verdict", "Score"}, fields)
            self.assertEqual(service.metric('lazaret_webhook_deliveries_total{outcome="delivered"}'), 1)
            self.assertEqual(service.metric('lazaret_webhook_deliveries_total{outcome="retried"}'), 2)
            self.assertNotIn("secret", service.log_text())

    def test_a_delivery_that_fails_for_good_is_recorded_and_loses_nothing(self):
        with tempfile.TemporaryDirectory() as folder, helper("webhook_sink.py", folder, "404") as port, \
                Index() as index, Service(index.url, DISCORD_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook") as service:
            run = self.settled(service, service.submit("six", version_of("six")))
            self.assertEqual((run["status"], run["delivery"]), ("completed", "failed"))
            self.assertIn("404", run["delivery_error"])
            self.assertEqual(service.metric('lazaret_webhook_deliveries_total{outcome="failed"}'), 1)
            self.assertEqual(service.request("GET", f"/v1/runs/{run['run_id']}/report.json")[0], 200)

    def test_a_delivery_that_was_not_made_is_made_after_a_restart(self):
        with tempfile.TemporaryDirectory() as folder, helper("webhook_sink.py", folder, "503", "204") as port, \
                Index() as index, Service(index.url, DISCORD_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook") as service:
            run_id = service.submit("six", version_of("six"))
            Service.until(lambda: (pathlib.Path(folder) / "0.json").exists(), 60, "the first attempt was made")
            service.wait(run_id)
            service.kill()
            service.start()
            self.assertEqual(self.settled(service, run_id)["delivery"], "delivered")


class ClientTest(support.NeedsRoot):
    """The `lazaret` client against a real service."""

    def lazaret(self, service, *words):
        return subprocess.run([support.BUILD / "bin" / "lazaret", *words], capture_output=True, text=True, timeout=200,
                              env={"PATH": "/usr/bin:/bin", "LAZARET_URL": service.url, "API_TOKEN": TOKEN})

    def test_exit_codes_say_the_verdict(self):
        with Index() as index, Service(index.url) as service:
            benign = self.lazaret(service, "triage", "six", version_of("six"), "--wait")
            self.assertEqual(benign.returncode, 0, benign.stdout + benign.stderr)
            for stage in ("download", "execution", "analysis", "report"):
                self.assertIn(stage, benign.stdout + benign.stderr)
            self.assertIn("benign", benign.stdout)
            found = self.lazaret(service, "triage", "lz-sample-ssh-key", "1.0", "--wait")
            self.assertEqual(found.returncode, 1, found.stdout + found.stderr)
            self.assertIn("credential", found.stdout.lower())
            self.assertEqual(self.lazaret(service, "triage", "lz-no-such", "1.0", "--wait").returncode, 2)
            listed = json.loads(self.lazaret(service, "runs", "--json").stdout)
            self.assertEqual(len(listed["runs"]), 3)
            report = self.lazaret(service, "report", listed["runs"][0]["run_id"])
            self.assertEqual(report.returncode, 0)
            json.loads(report.stdout)
            self.assertEqual(self.lazaret(service, "stages", "set", "execution", "--concurrency", "4").returncode, 0)
            stages = {s["name"]: s for s in service.request("GET", "/v1/stages")[1]["stages"]}
            self.assertEqual(stages["execution"]["concurrency"], 4)

    def test_a_service_that_is_away_is_exit_code_2_and_a_readable_error(self):
        with Index() as index, Service(index.url) as service:
            service.stop()
            done = self.lazaret(service, "runs")
            self.assertEqual(done.returncode, 2)
            self.assertIn("lazaret:", done.stderr)


if __name__ == "__main__":
    support.main()
