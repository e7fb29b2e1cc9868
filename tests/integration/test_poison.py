"""Blame is exact: a run or a job whose processing crashes the service is set aside after three crashes, and never one that was
only in the hands of a service that was killed, however often.

The crashes are real: build/.../faulty/bin/lazaretd writes to nowhere in the thread that works on that one run, at a fault
point (actors/fault_point.hpp). One DATA_DIR for all of them, started again as systemd would."""
import http.client
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import clients
import support
from redis_server import Redis
from support import Service
from test_fault_points import FAULTY


def setUpModule():
    support.NeedsRoot.setUpClass()
    global index
    index = support.Index()


def tearDownModule():
    index.__exit__()


class Life(Service):
    """A service that a test starts again and again. `asked`: what was accepted before anybody worked on it."""

    def __init__(self, **settings):
        super().__init__(index.url, arguments=("--stages", "interactive"), MAX_CONCURRENCY=3, BATCH_CONCURRENCY=3, **settings)

    def accept(self, *kinds):
        asked = clients.Clients([self], str(time.time_ns()))
        for number, kind in enumerate(kinds):
            asked.ask(kind, 2 * number)  # an even one: mode `install`
        assert self.stop() == 0
        self.process.stdout.close()
        self.arguments = ()
        return asked.accepted

    def begin(self, place="", victim="", by="SEGV"):
        self.program = FAULTY if place else support.BUILD / "bin" / "lazaretd"
        kept = dict(self.settings)
        if place:
            self.settings.update(LAZARET_DIE_AT=place, LAZARET_DIE_FOR=victim, LAZARET_DIE_BY=by)
        try:
            self.start()
        except (RuntimeError, OSError, http.client.HTTPException):
            if not place:
                raise
        finally:
            self.settings = kept

    def ending(self, seconds):
        """How it ended by itself; nothing when it lives on."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def crash_on(self, place, victim, most=8):
        """Started again until it lives on; how each life before ended. The victim has ended then."""
        endings = []
        for _ in range(most):
            self.begin(place, victim)
            while (code := self.ending(0.1)) is None and not self.has_ended(victim):
                pass
            if code is None:
                return endings
            self.process.stdout.close()
            endings.append(code)
        return endings

    def has_ended(self, victim):
        try:
            for path, part in ((f"/v1/runs/{victim}", None), (f"/jobs/{victim}", "job")):
                status, known, _ = self.request("GET", path)
                if status == 200:
                    known = known[part] if part else known
                    return known["status"] not in ("queued", "running") and known.get("delivery") != "pending"
        except (OSError, http.client.HTTPException):
            pass
        return False

    def poisoned(self, stage):
        return self.metric(f'lazaret_runs_poisoned_total{{stage="{stage}"}}')


class Poison(unittest.TestCase):
    def assert_rest_whole(self, service, accepted):
        for kind, name, number in accepted:
            known = clients.until_ended(lambda: service, kind, name)
            clients.assert_whole(service, known, kind, name, number)

    def set_aside(self, kind, place, stage, crashes=3, **settings):
        with self.subTest(place), Life(**settings) as service:
            kinds = [kind, "triage", "job", "triage", "execution"]
            (_, victim, number), *innocent = service.accept(*kinds)
            endings = service.crash_on(place, victim)
            self.assertEqual(endings, [-signal.SIGSEGV] * crashes)
            if kind == "triage":
                known = service.run(victim)
                self.assertEqual(known["error"], f"poison: it ended its worker 3 times in the {stage} stage")
            else:
                known = service.request("GET", f"/jobs/{victim}")[1]["job"]
                self.assertEqual(known["error"], "poison: it ended its worker 3 times")
            self.assertEqual(known["status"], "failed")
            self.assertEqual(service.poisoned(stage), 1)
            self.assertEqual(service.log_text().count(f"signal 11 ended this node while it worked on {'run' if kind == 'triage' else 'job'} {victim}"), crashes)
            self.assert_rest_whole(service, innocent)
            self.assertEqual(service.stop(), 0)
            service.process.stdout.close()
            service.begin()  # the reason is gone: what is submitted again is done
            again = clients.Clients([service], str(time.time_ns()))
            again.ask(kind, number)
            self.assert_rest_whole(service, again.accepted)

    def test_a_run_that_crashes_the_service_is_set_aside_after_three(self):
        for place in ("download.begin", "execution.jailed", "execution.asks_index", "analysis.done", "report.draft"):
            self.set_aside("triage", place, place.split(".")[0])

    def test_a_job_too(self):
        self.set_aside("job", "job.jailed", "batch")

    def test_a_run_that_crashes_where_it_is_begun(self):
        """The queue passes there in every stage: the failed download is to be reported, which crashes as well, and is the last."""
        self.set_aside("triage", "queue.begun", "report", crashes=6)

    def test_on_redis_too(self):
        with Redis() as redis:
            self.set_aside("triage", "execution.jailed", "execution", STORE_URL=redis.url)

    def test_a_report_that_crashes_who_delivers_it(self):
        with clients.Sink() as sink, Life(DISCORD_WEBHOOK_URL=sink.listen()) as service:
            (_, victim, _), (_, other, _) = service.accept("triage", "triage")
            self.assertEqual(service.crash_on("delivery.taken", victim), [-signal.SIGSEGV] * 3)
            known = service.run(victim)
            self.assertEqual((known["status"], known["delivery"]), ("completed", "failed"))
            self.assertEqual(clients.until_ended(lambda: service, "triage", other)["delivery"], "delivered")
            self.assertEqual(set(sink.got), {other})

    def test_no_kill_from_outside_makes_poison_of_a_run(self):
        with Life() as service:
            accepted = service.accept("triage", "job", "triage")
            for life in range(8):
                service.begin("execution.jailed", accepted[0][1], by="KILL")
                self.assertEqual(service.ending(30), -signal.SIGKILL)
                service.process.stdout.close()
            for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT):  # a watchdog's, somebody's
                service.begin()
                service.process.send_signal(number)
                self.assertEqual(service.ending(30), -number)
                service.process.stdout.close()
            service.begin()
            self.assert_rest_whole(service, accepted)
            self.assertEqual(sum(service.poisoned(stage) for stage in ("download", "execution", "analysis", "report", "batch")), 0)
            self.assertNotIn("ended this node while it worked on", service.log_text())

    def test_a_crash_that_is_known_after_another_node_took_the_run_is_still_its_deed(self):
        """Three nodes crash on it, one after the other, and come back when their leases have run out."""
        with Redis() as redis, tempfile.TemporaryDirectory(dir="/var/tmp") as blobs:
            shared = pathlib.Path(blobs)
            shared.chmod(0o755)
            with Life(STORE_URL=redis.url, BLOB_DIR=shared / "b", LEASE_SEC=1) as first, \
                    Life(STORE_URL=redis.url, BLOB_DIR=shared / "b", LEASE_SEC=1) as second:
                (_, victim, _), *innocent = first.accept("triage", "triage")
                second.accept()
                for node in (first, second):
                    node.begin("execution.jailed", victim)
                    self.assertEqual(node.ending(30), -signal.SIGSEGV)
                    node.process.stdout.close()
                # The third begins when both deaths are known: each node told of its own when it came back.
                for node in (first, second):
                    node.arguments = ("--stages", "interactive")
                    node.begin()
                    self.assertEqual(node.stop(), 0)
                    node.process.stdout.close()
                    node.arguments = ()
                self.assertEqual(first.crash_on("execution.jailed", victim), [-signal.SIGSEGV])
                self.assertRegex(first.run(victim)["error"], "^poison: it ended its worker 3 times")
                self.assert_rest_whole(first, innocent)


if __name__ == "__main__":
    support.main()
