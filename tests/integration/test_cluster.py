"""Several lazaretd share one Redis and one BLOB_DIR: each does what is its part, and whatever dies, every run ends once."""
import contextlib
import http.client
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import support
from redis_server import Redis, free_port
from support import Index, Service
from test_triage import version_of

NAMES = ("six", "idna", "toml", "click", "tabulate")
SLOW = ("lz-sample-sleep", "1.0")  # sleeps in its setup.py until RUN_TIMEOUT_SEC


class Cluster(contextlib.ExitStack):
    def __init__(self, index, **settings):
        super().__init__()
        self.index, self.settings = index, settings
        self.redis = self.enter_context(Redis())
        self.blobs = tempfile.mkdtemp(prefix="lazaret-blobs-", dir="/var/tmp")
        self.callback(shutil.rmtree, self.blobs, ignore_errors=True)
        os.chmod(self.blobs, 0o755)

    def node(self, *arguments, **settings):
        return self.enter_context(Service(self.index.url, arguments=arguments, **{
            "STORE_URL": self.redis.url, "BLOB_DIR": self.blobs + "/shared", "LEASE_SEC": 3, "DRAIN_SEC": 10,
            **self.settings, **settings}))


def in_flight(node, stage="execution"):
    return node.metric(f'lazaret_stage_in_flight{{stage="{stage}"}}')


def events_of(node, run_id):
    return node.request("GET", f"/v1/runs/{run_id}/events")[1]


class ClusterTest(support.NeedsRoot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.index = cls.enterClassContext(Index())

    def assert_whole(self, front, run_id, status="completed"):
        run = front.wait(run_id)
        self.assertEqual(run["status"], status, run["error"])
        self.assertEqual(events_of(front, run_id).count("event: end"), 1, "a run ends once")
        code, report, _ = front.request("GET", f"/v1/runs/{run_id}/report.json")
        self.assertEqual((code, report["run_id"]), (200, run_id))
        code, page, _ = front.request("GET", f"/v1/runs/{run_id}/report.html")
        self.assertEqual((code, page.rstrip()[-7:]), (200, "</html>"))
        return run

    def test_a_front_and_two_workers_share_30_runs(self):
        with Cluster(self.index) as cluster:
            front = cluster.node("--role", "front")
            workers = [cluster.node(ROLE="worker", MAX_CONCURRENCY=1), cluster.node("--role", "worker", MAX_CONCURRENCY=1)]
            self.assertEqual(front.jailers(), [], "a front needs no jailer")
            runs = [front.submit(name, version_of(name)) for name in NAMES * 6]
            for run_id in runs:
                self.assertEqual(self.assert_whole(front, run_id)["verdict"], "benign")
            done = [w.metric('lazaret_stage_duration_seconds_count{outcome="done",stage="execution"}') for w in workers]
            self.assertEqual(sum(done), 30)
            self.assertGreaterEqual(min(done), 5, done)

    def test_nodes_say_what_they_do_and_refuse_the_rest(self):
        with Cluster(self.index) as cluster:
            front, worker = cluster.node("--role", "front"), cluster.node("--role", "worker", "--stages", "execution")
            here = lambda node: {s["name"] for s in node.request("GET", "/v1/stages")[1]["stages"]
                                 if s["here"]} - {"ingress", "rate_limit", "queue"}
            self.assertEqual(here(front), set())
            self.assertEqual(here(worker), {"execution"})
            for node in (front, worker):
                self.assertEqual(node.request("GET", "/readyz")[:2], (200, {"status": "ready"}))
                self.assertEqual(node.request("PATCH", "/v1/stages/analysis", {"concurrency": 3})[0], 503)
            self.assertEqual(worker.request("PATCH", "/v1/stages/execution", {"concurrency": 3})[0], 200)
            for method, path, body in (("POST", "/v1/triage", {"package_name": "six", "version": "1"}), ("GET", "/v1/runs", None),
                                       ("POST", "/v1/execute", {"argv": ["true"]}), ("POST", "/eval", {"input": "1"})):
                status, answer, _ = worker.request(method, path, body)
                self.assertEqual(status, 404, path)
                self.assertIn("this node is a worker", answer["detail"])
            status, answer, _ = front.request("POST", "/v1/execute", {"argv": ["true"]})
            self.assertEqual((status, "leaves that stage to others" in answer["detail"]), (503, True), answer)
            self.assertEqual(front.request("GET", "/health")[0], 200)
            waiting = front.submit("six", version_of("six"))  # nobody downloads: a node that joins does
            time.sleep(1)
            self.assertEqual(front.run(waiting)["status"], "queued")
            cluster.node()
            self.assert_whole(front, waiting)

    def test_execution_elsewhere_than_the_download_gets_the_artefact_again(self):
        with Cluster(self.index) as cluster:
            front = cluster.node("--role", "front", "--stages", "download,analysis")
            cluster.node("--role", "worker", "--stages", "execution,report")
            self.assertEqual(self.assert_whole(front, front.submit("six", version_of("six")))["verdict"], "benign")

    def test_events_of_a_run_that_a_worker_does_are_live_on_another_front(self):
        with Cluster(self.index, RUN_TIMEOUT_SEC=6) as cluster:
            fronts = [cluster.node("--role", "front"), cluster.node("--role", "front")]
            cluster.node("--role", "worker")
            run_id = fronts[0].submit(*SLOW, mode="install")
            heard, times = [], []
            connection = http.client.HTTPConnection(fronts[1].host, fronts[1].port, timeout=60)
            connection.request("GET", f"/v1/runs/{run_id}/events", headers={"Authorization": f"Bearer {support.TOKEN}"})
            for line in connection.getresponse():
                if line.startswith(b"event:"):
                    heard.append(line.split()[1].decode())
                    times.append(time.monotonic())
            self.assertEqual(heard[-1], "end")
            self.assertGreater(times[-1] - times[0], 4, "they came one by one, not at the end")
            self.assert_whole(fronts[1], run_id)

    def test_a_cancel_on_a_front_kills_the_jail_on_the_worker_within_a_second(self):
        with Cluster(self.index, LEASE_SEC=60) as cluster:
            front, worker = cluster.node("--role", "front"), cluster.node("--role", "worker")
            run_id = front.submit(*SLOW, mode="install")
            Service.until(lambda: in_flight(worker) == 1, 30, "it is in its jail")
            began = time.monotonic()
            status, answer, _ = front.request("DELETE", f"/v1/runs/{run_id}")
            self.assertEqual((status, answer["status"]), (200, "canceled"))
            Service.until(lambda: in_flight(worker) == 0, 10, "its jail is gone")
            self.assertLess(time.monotonic() - began, 2)  # a second, and a busy machine
            time.sleep(1)
            self.assertEqual(front.run(run_id)["status"], "canceled")
            self.assertEqual(events_of(front, run_id).count("event: end"), 1)

    def test_what_a_worker_held_when_it_was_killed_ends_on_another(self):
        with Cluster(self.index, RUN_TIMEOUT_SEC=5) as cluster:
            front, victim = cluster.node("--role", "front"), cluster.node("--role", "worker")
            runs = [front.submit(*SLOW, mode="install") for _ in range(2)]
            attempts = lambda run: [s["attempts"] for s in run["stages"] if s["stage"] == "execution"]
            Service.until(lambda: all(attempts(front.run(run_id)) == [1] for run_id in runs), 30, "both are known to have begun")
            victim.kill()
            other = cluster.node("--role", "worker")
            for run_id in runs:
                run = self.assert_whole(front, run_id)
                self.assertEqual(attempts(run), [2])
            self.assertEqual(other.metric('lazaret_stage_duration_seconds_count{outcome="done",stage="execution"}'), 2)

    def test_a_worker_that_was_stopped_for_longer_than_its_lease_changes_nothing(self):
        with Cluster(self.index, RUN_TIMEOUT_SEC=4) as cluster:
            front, sleeper = cluster.node("--role", "front"), cluster.node("--role", "worker")
            run_id = front.submit(*SLOW, mode="install")
            Service.until(lambda: in_flight(sleeper) == 1, 30, "it is in its jail")
            sleeper.process.send_signal(signal.SIGSTOP)
            other = cluster.node("--role", "worker")
            before = self.assert_whole(front, run_id)
            report = front.request("GET", f"/v1/runs/{run_id}/report.json")[1]
            events = events_of(front, run_id)
            sleeper.process.send_signal(signal.SIGCONT)
            Service.until(lambda: in_flight(sleeper) == 0, 30, "the late one has given up")
            time.sleep(2)
            self.assertEqual(front.run(run_id), before)
            self.assertEqual(front.request("GET", f"/v1/runs/{run_id}/report.json")[1], report)
            self.assertEqual(events_of(front, run_id), events)
            self.assertEqual(other.metric('lazaret_stage_duration_seconds_count{outcome="done",stage="execution"}'), 1)
            self.assert_whole(front, front.submit("six", version_of("six")))

    def test_sigterm_gives_what_is_in_hand_to_another_at_once(self):
        with Cluster(self.index, RUN_TIMEOUT_SEC=20, LEASE_SEC=60, DRAIN_SEC=2, MAX_CONCURRENCY=1) as cluster:
            front, leaver = cluster.node("--role", "front"), cluster.node("--role", "worker")
            runs = [front.submit(*SLOW, mode="install") for _ in range(2)]
            Service.until(lambda: in_flight(leaver) == 1, 30, "one is in its jail, one waits for it")
            other = cluster.node("--role", "worker", MAX_CONCURRENCY=2)
            leaver.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            Service.until(lambda: in_flight(other) >= 1, 2, "what nobody had begun is taken over at once")
            self.assertEqual(leaver.request("GET", "/readyz")[0], 503)
            self.assertEqual(leaver.process.wait(20), 0)
            Service.until(lambda: in_flight(other) == 2, 5, "and what could not be finished, when it left")
            self.assertLess(time.monotonic() - began, 15, "nobody waited for the lease")
            for run_id in runs:
                self.assert_whole(front, run_id)


class RedisAwayTest(support.NeedsRoot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.index = cls.enterClassContext(Index())

    def assert_away(self, node, word):
        """Alive, not ready with a reason, and new work refused with one; all within bounded time."""
        ready = lambda: node.request("GET", "/readyz", timeout=40)
        Service.until(lambda: ready()[0] == 503, 40, "readyz says so")
        began = time.monotonic()
        self.assertIn(word, ready()[1]["detail"])
        status, answer, _ = node.request("POST", "/v1/triage", {"package_name": "six", "version": "1.0"})
        self.assertEqual(status, 503)
        self.assertIn("/readyz says why", answer["detail"])
        status, answer, _ = node.request("GET", "/v1/runs")
        self.assertEqual(status, 503, answer)
        for _ in range(10):
            self.assertEqual(node.request("GET", "/healthz", timeout=1)[0], 200)
        self.assertLess(time.monotonic() - began, 20)

    def assert_back(self, node):
        Service.until(lambda: node.request("GET", "/readyz", timeout=40)[0] == 200, 30, "it is ready again by itself")
        run = node.triage("six", version_of("six"))
        self.assertEqual(run["status"], "completed", run["error"])

    def test_redis_is_killed_and_comes_back_with_its_file(self):
        with Cluster(self.index, RUN_TIMEOUT_SEC=6) as cluster:
            node = cluster.node()
            run_id = node.submit(*SLOW, mode="install")
            Service.until(lambda: in_flight(node) == 1, 30, "it is in its jail")
            cluster.redis.kill()
            self.assert_away(node, "Connection refused")
            time.sleep(6)  # the result comes while there is nobody to take it
            cluster.redis.start()
            Service.until(lambda: node.request("GET", "/readyz", timeout=40)[0] == 200, 30, "it is ready again by itself")
            self.assertEqual(node.wait(run_id)["status"], "completed")
            self.assertEqual(events_of(node, run_id).count("event: end"), 1)
            self.assert_back(node)

    def test_redis_is_stopped_and_goes_on(self):
        with Cluster(self.index) as cluster:
            node = cluster.node()
            cluster.redis.signal(signal.SIGSTOP)
            self.assert_away(node, "does not answer")
            cluster.redis.signal(signal.SIGCONT)
            self.assert_back(node)

    def test_redis_comes_back_empty(self):
        with Cluster(self.index, RUN_TIMEOUT_SEC=30) as cluster:
            node = cluster.node()
            run_id = node.submit(*SLOW, mode="install")
            Service.until(lambda: in_flight(node) == 1, 30, "it is in its jail")
            cluster.redis.kill()
            cluster.redis.start(empty=True)
            Service.until(lambda: in_flight(node) == 0, 20, "what nobody knows of any more is not worked on")
            self.assertEqual(node.request("GET", f"/v1/runs/{run_id}")[0], 404)
            self.assert_back(node)

    def test_redis_is_out_of_memory(self):
        with Cluster(self.index) as cluster:
            node = cluster.node()
            cluster.redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
            cluster.redis.cli("CONFIG", "SET", "maxmemory", "1")
            Service.until(lambda: node.request("GET", "/readyz")[0] == 503, 20, "not ready")
            self.assertIn("out of memory", node.request("GET", "/readyz")[1]["detail"])
            self.assertEqual(node.request("POST", "/v1/triage", {"package_name": "six", "version": "1.0"})[0], 503)
            self.assertEqual(node.request("GET", "/v1/runs")[0], 200, "what was is still told")
            cluster.redis.cli("CONFIG", "SET", "maxmemory", "0")
            self.assert_back(node)

    def test_redis_becomes_a_replica(self):
        with Cluster(self.index) as cluster:
            node = cluster.node()
            cluster.redis.cli("REPLICAOF", "127.0.0.1", "1")
            Service.until(lambda: node.request("GET", "/readyz")[0] == 503, 20, "not ready")
            self.assertRegex(node.request("GET", "/readyz")[1]["detail"], "READONLY|primary")
            cluster.redis.cli("REPLICAOF", "NO", "ONE")
            self.assert_back(node)


class OpenTest(support.NeedsRoot):
    """What waiting doesn't heal is said when the service starts, and it ends."""

    def refusal(self, **settings):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as data:
            os.chmod(data, 0o755)
            done = subprocess.run([support.BUILD / "bin" / "lazaretd"], timeout=30, capture_output=True, text=True, env={
                "PATH": "/usr/bin:/bin", "API_TOKEN": "x", "PORT": "0", "DATA_DIR": data + "/d", "HOST": "127.0.0.1", **settings})
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_a_wrong_password_is_said_and_not_repeated(self):
        with Redis(password="right-one") as redis:
            said = self.refusal(STORE_URL=redis.url.replace("right-one", "wrong-one"))
            self.assertIn("does not know that user and password", said)
            self.assertNotIn("wrong-one", said)
            with Index() as index, Service(index.url, STORE_URL=redis.url) as service:
                self.assertNotIn("right-one", service.log_text())

    def test_a_newer_schema_is_refused(self):
        with Redis() as redis:
            redis.cli("SET", "lazaret:schema", "99")
            self.assertIn("written by a newer Lazaret (schema 99", self.refusal(REDIS_URL=redis.url))

    def test_a_redis_that_evicts_is_refused(self):
        with Redis(options=["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]) as redis:
            self.assertIn("set it to noeviction", self.refusal(STORE_URL=redis.url))

    def test_a_data_folder_in_use_is_refused(self):
        with Index() as index, Service(index.url) as service:
            self.assertIn("in use by another lazaretd", self.refusal(DATA_DIR=str(service.data)))

    def test_roles_that_make_no_sense_are_refused(self):
        self.assertIn("ROLE: must be one of all, front, worker", self.refusal(ROLE="back"))
        self.assertIn("STAGES: must be one of download", self.refusal(STAGES="execution,everything"))
        self.assertIn("a worker takes none", self.refusal(ROLE="worker", STAGES="interactive"))

    def test_over_tls_with_certificates_of_both_sides(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
            os.chmod(place, 0o755)
            files = {name: f"{place}/{name}" for name in ("ca.key", "ca.crt", "our.key", "our.csr", "our.crt")}
            ssl = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)
            ssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-ca",
                "-keyout", files["ca.key"], "-out", files["ca.crt"])
            ssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", files["our.key"], "-out", files["our.csr"])
            pathlib.Path(place, "ext").write_text("subjectAltName=IP:127.0.0.1\n")
            ssl("x509", "-req", "-days", "2", "-in", files["our.csr"], "-CA", files["ca.crt"], "-CAkey", files["ca.key"],
                "-CAcreateserial", "-extfile", f"{place}/ext", "-out", files["our.crt"])
            for name in files.values():
                os.chmod(name, 0o644)
            port = free_port()
            with Redis(options=["--tls-port", str(port), "--tls-cert-file", files["our.crt"], "--tls-key-file",
                                files["our.key"], "--tls-ca-cert-file", files["ca.crt"]]):
                url = f"rediss://127.0.0.1:{port}/0?cacert={files['ca.crt']}"
                own = f"&cert={files['our.crt']}&key={files['our.key']}"
                with Index() as index, Service(index.url, STORE_URL=url + own) as service:
                    self.assertEqual(service.triage("six", version_of("six"))["status"], "completed")
                self.assertIn("certificate", self.refusal(STORE_URL=f"rediss://127.0.0.1:{port}/0?" + own[1:]))


if __name__ == "__main__":
    support.main()
