"""The service as a process: start, privileges, readiness, stop, restart."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import support
from support import Index, Service, TOKEN
from test_triage import version_of


class ServiceTest(support.NeedsRoot):
    def test_it_serves_and_stops_on_sigterm_with_exit_code_0(self):
        with Index() as index, Service(index.url) as service:
            self.assertEqual(service.request("GET", "/healthz", token=None)[:2], (200, {"status": "ok"}))
            self.assertEqual(service.request("GET", "/readyz", token=None)[0], 200)
            self.assertEqual(service.stop(), 0)

    def test_started_as_root_the_service_is_unprivileged_and_the_jailer_is_not_its_thread(self):
        with Index() as index, Service(index.url) as service:
            status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            nobody = str(pwd.getpwnam("nobody").pw_uid)
            self.assertEqual(set(fields["Uid"].split()), {nobody})
            self.assertEqual(fields["CapPrm"].strip("0"), "")
            self.assertEqual(fields["CapEff"].strip("0"), "")
            jailers = service.jailers()
            self.assertEqual(len(jailers), 1)
            threads = {task.read_text().strip() for task in pathlib.Path(f"/proc/{jailers[0]}/task").glob("*/comm")}
            self.assertEqual(threads, {"lazaret-jailer"}, "whoever works beside it is a process")

    def test_it_works_from_a_home_that_others_may_not_enter(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as home, Index() as index:
            build = pathlib.Path(home) / "lazaret"
            (build / "bin").mkdir(parents=True)
            for program in ("lazaretd", "lazaret-jailer", "lazaret-probe"):
                shutil.copy2(support.BUILD / "bin" / program, build / "bin")
            shutil.copytree(support.BUILD / "lib", build / "lib")
            os.chown(home, 12345, 12345)
            os.chmod(home, 0o700)
            with Service(index.url, program=build / "bin" / "lazaretd") as service:
                self.assertEqual(service.triage("six", version_of("six"))["verdict"], "benign")

    def test_nothing_is_left_when_the_service_is_killed(self):
        with Index() as index, Service(index.url) as service:
            jailers = service.jailers()
            service.kill()
            Service.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in jailers), 10, "the jailer is gone")

    def test_a_dead_jailer_is_replaced(self):
        with Index() as index, Service(index.url) as service:
            (before,) = service.jailers()
            os.kill(before, signal.SIGKILL)
            Service.until(lambda: service.jailers() not in ([], [before]), 10, "a new jailer runs")
            Service.until(lambda: service.request("GET", "/readyz")[0] == 200, 10, "the service is ready again")
            self.assertEqual(service.metric("lazaret_jailer_restarts_total"), 1)

    def test_settings_that_are_wrong_are_all_named_in_one_message(self):
        done = subprocess.run([support.BUILD / "bin" / "lazaretd"], capture_output=True, text=True, timeout=20,
                              env={"PATH": "/usr/bin:/bin", "PORT": "seventy", "QUEUE_LIMIT": "-1", "API_TOKEN": TOKEN})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("PORT", done.stderr)
        self.assertIn("QUEUE_LIMIT", done.stderr)


if __name__ == "__main__":
    support.main()
