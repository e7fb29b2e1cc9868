"""The service dies by SIGKILL at each marked place of its code (actors/fault_point.hpp) with work in hand; what it had
accepted ends all the same, once and whole, and nothing of its former life is left.

The program that dies is build/.../faulty/bin/lazaretd, the one that is started after it the ordinary one. One DATA_DIR for
all of them. LAZARET_FAULT_POINTS=REGEX in the environment: only those."""
import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import unittest

import clients
import support

FAULTY = support.BUILD / "faulty" / "bin" / "lazaretd"
HEADER = (support.SOURCE / "actors" / "fault_point.hpp").read_text()
POINTS = re.findall(r'"([a-z_]+\.[a-z_]+)"', HEADER[HEADER.index("fault_points{"):HEADER.index("};")])

# What is asked of a service that is to die at these places; elsewhere it is a triage.
JOB = {"job.": ("job",), "answer.": ("execution",), "execution.answer": ("execution",)}
# Passed before anybody asks anything, or when something else is done.
OTHERWISE = {"schema.step": "new", "schema.commit": "new", "schema.stepped": "new", "store.abandoned": "start",
             "store.amended": "cancel", "store.put_back": "drain", "store.renewed": "wait",
             "prebuild.built": "prebuild", "prebuild.layer": "prebuild", "prebuild.tag_draft": "prebuild",
             "prebuild.tagged": "prebuild", "prebuild.untagged": "unbuild", "prebuild.sweeps": "unbuild"}
# Places that are passed by everything: at which times.
TIMES = {"commit.before": (1, 2, 5, 8, 11, 14), "commit.half": (1, 5, 8, 11), "commit.after": (1, 2, 5, 8, 11, 14),
         "store.settled": (1, 2, 3, 4), "store.updated": (1, 2, 3, 4), "store.taken": (1, 3, 4), "report.draft": (1, 2),
         "report.named": (1, 2), "execution.recorded": (1, 3), "stage.result": (1, 2, 3, 4), "schema.step": (1, 3)}
# The message may have arrived, and nothing says so yet: with the same key it may come again.
MAY_COME_AGAIN = ("delivery.sent", "commit.before", "commit.half")


def setUpModule():
    global index, sink, service, first_data, work, jailers
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    index, sink = support.Index(), clients.Sink()
    jailers = set()
    service = support.Service(index.url, DISCORD_WEBHOOK_URL=sink.listen(), MAX_CONCURRENCY=2, LEASE_SEC=30, DRAIN_SEC=0)
    first_data = service.data
    jailers.update(service.jailers())
    assert service.stop() == 0
    work = clients.Clients([service], "faults")


def tearDownModule():
    service.__exit__(None, None, None)
    sink.__exit__()
    index.__exit__()


def runs_of(one):
    return one.data / "blobs" / "runs"


def start(place=None, **settings):
    """With a place: one that is going to die there, perhaps before it is ready."""
    service.program = FAULTY if place else support.BUILD / "bin" / "lazaretd"
    kept = dict(service.settings)
    service.settings.update(settings, **({"LAZARET_DIE_AT": place} if place else {}))
    try:
        service.start()
        jailers.update(service.jailers())
    except (RuntimeError, OSError, http.client.HTTPException):
        if not place:
            raise
    finally:
        service.settings = kept


def died(place, seconds=30):
    try:
        assert service.process.wait(seconds) == -signal.SIGKILL, service.process.returncode
    except subprocess.TimeoutExpired:
        service.kill()
        raise AssertionError(f"{place} was never passed") from None
    finally:
        service.process.stdout.close()


def ask_quartermaster(method, path, body=None):
    try:
        return service.request(method, path, body, timeout=60)[:2]
    except (OSError, http.client.HTTPException):
        return None, None


class At(unittest.TestCase):
    """A test for each place; see load_tests()."""
    number = 0

    def __init__(self, place, time_of=1):
        super().__init__("survive")
        self.place, self.at = place, f"{place}:{time_of}"

    def __str__(self):
        return f"killed at {self.at}"

    def tearDown(self):
        if service.process.poll() is None:  # it failed: the next place begins anew
            service.kill()

    def survive(self):
        how = OTHERWISE.get(self.place, "ask")
        At.number += 10
        first = At.number
        asked = len(work.accepted)
        threads = []

        def submit(kind, number):
            threads.append(threading.Thread(target=work.ask, args=(kind, number), daemon=True))
            threads[-1].start()

        if self.place.startswith("cache."):
            shutil.rmtree(service.data / "cache")
        if how == "new":
            return self.die_while_the_store_is_made()
        if how == "start":  # there must be something to abandon
            start("execution.jailed")
            submit("triage", first)
            died("execution.jailed")
        start(self.at, **({"LEASE_SEC": "1"} if how == "wait" else {}))
        tag = f"t{first}"
        if how in ("prebuild", "unbuild"):
            body = {"tag": tag, "base_image": "python", "setup_script": f"mkdir -p /srv/data && echo {tag} > /srv/data/f"}
            built = ask_quartermaster("POST", "/prebuild", body)
        if how == "unbuild":
            self.assertEqual(built[0], 200, built)
            ask_quartermaster("DELETE", f"/prebuilds/{tag}")
        if how in ("ask", "cancel", "wait", "drain"):
            kinds = next((kinds for begin, kinds in JOB.items() if self.place.startswith(begin)), ("triage", "job", "execution"))
            for n, kind in enumerate(kinds):
                submit(kind, first + (n if kind != "triage" else 1))  # an odd one: mode `full`
        if how == "cancel":
            support.Service.until(lambda: len(work.accepted) > asked, 20, "something is accepted")
            run_id = next(name for kind, name, _ in reversed(work.accepted) if kind == "triage")
            ask_quartermaster("DELETE", f"/v1/runs/{run_id}")
        if how == "drain":
            support.Service.until(lambda: service.metric('lazaret_stage_in_flight{stage="execution"}') > 0, 20, "a run is in its jail")
            service.process.send_signal(signal.SIGTERM)
        died(self.at)
        start()
        for one in threads:
            one.join(60)
            self.assertFalse(one.is_alive(), "a client was never answered")
        for kind, name, number in work.accepted[asked:]:
            known = clients.until_ended(lambda: service, kind, name, 60)
            if how == "cancel" and kind == "triage":
                self.assertEqual(known["status"], "canceled")
                continue
            clients.assert_whole(service, known, kind, name, number)
            if kind == "triage":
                clients.assert_whole_files(runs_of(service) / name)
                came = sink.got.get(name, [])
                self.assertEqual((len(set(came)), sink.runs[name]), (1, {name}), "one message and one key")
                if self.place not in MAY_COME_AGAIN:
                    self.assertEqual(len(came), 1, "the webhook came once")
        if how == "prebuild":
            self.assert_whole_prebuild(tag)
        if how == "unbuild":
            self.assertEqual(ask_quartermaster("GET", f"/prebuilds/{tag}")[0], 404)
        self.assert_tidy()

    def die_while_the_store_is_made(self):
        kept, service.data = service.data, pathlib.Path(str(service.data) + "-new")
        service.settings["DATA_DIR"] = str(service.data)
        try:
            start(self.at)
            died(self.at)
            start()
            name = work.ask("execution", At.number)
            known = clients.until_ended(lambda: service, "execution", name, 60)
            clients.assert_whole(service, known, "execution", name, At.number)
            self.assert_tidy()
        finally:
            shutil.rmtree(service.data)
            service.data = kept
            service.settings["DATA_DIR"] = str(kept)

    def assert_whole_prebuild(self, tag):
        """It is there and works, or it isn't and can be made."""
        status, _ = ask_quartermaster("GET", f"/prebuilds/{tag}")
        if status == 404:
            body = {"tag": tag, "base_image": "python", "setup_script": f"mkdir -p /srv/data && echo {tag} > /srv/data/f"}
            status, answer = ask_quartermaster("POST", "/prebuild", body)
            self.assertEqual(status, 200, answer)
        status, answer = ask_quartermaster("POST", "/run", {"code": "print(open('/srv/data/f').read())", "image": tag})
        self.assertEqual((status, answer["stdout"].strip()), (200, tag), answer)

    def assert_tidy(self):
        """The service ends, and nothing of it or of the one that died is left: no process, no cgroup, no half file."""
        listed = clients.all_ended(service)
        told = {name for kind, name, _ in work.accepted if kind == "triage"}
        if service.data == first_data:
            self.assertEqual(listed, told, "runs that nobody was told of")
        self.assertEqual(service.stop(), 0)
        service.process.stdout.close()
        support.Service.until(lambda: not clients.left_behind(service.data, jailers), 10,
                              f"all is gone: {clients.left_behind(service.data, jailers)}")
        half = [path for folder in ("cache/parts", "prebuilds/building", "prebuilds/trash")
                for path in (service.data / folder).glob("*")] + list((service.data / "prebuilds" / "tags").glob("*.new"))
        self.assertEqual(half, [], "half-made files")
        self.assertEqual({path.name for path in runs_of(service).glob("*")} - listed, set(), "folders of no run")


class Release(unittest.TestCase):
    def test_the_program_that_ships_has_no_trace_of_them(self):
        for program in ("lazaretd", "lazaret", "lazaret-client", "lazaret-jailer"):
            code = (support.BUILD / "bin" / program).read_bytes()
            for trace in (b"LAZARET_DIE_AT", b"pass_fault_point", b"execution.jailed"):
                self.assertNotIn(trace, code, program)
        self.assertIn(b"LAZARET_DIE_AT", FAULTY.read_bytes())

    def test_there_are_at_least_forty(self):
        self.assertGreaterEqual(len(set(POINTS)), 40)

    def test_a_name_that_is_none_is_an_error(self):
        got = subprocess.run([FAULTY], env={"LAZARET_DIE_AT": "nowhere", **{k: v for k, v in service.settings.items()}},
                             capture_output=True, text=True, timeout=30)
        self.assertEqual(got.returncode, 1)
        self.assertIn("there is no fault point nowhere", got.stderr)


def load_tests(loader, _, __):
    only = os.environ.get("LAZARET_FAULT_POINTS", "")
    suite = unittest.TestSuite()
    if not only:
        suite.addTests(loader.loadTestsFromTestCase(Release))
    for place in POINTS:
        if re.search(only, place):
            suite.addTests(At(place, n) for n in TIMES.get(place, (1,)))
    return suite


if __name__ == "__main__":
    support.main()
