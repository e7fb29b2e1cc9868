"""Whatever dies, every accepted run ends: the jailer, the service itself."""
import os
import pathlib
import signal
import time

import support
from support import Index, Service
from test_triage import version_of

NAMES = ("six", "idna", "toml", "click", "tabulate")


class KillTest(support.NeedsRoot):
    def submit_many(self, service, count):
        return [service.submit(name, version_of(name), mode="full")
                for name in (NAMES * (count // len(NAMES) + 1))[:count]]

    def assert_all_judged(self, service, runs):
        for run_id in runs:
            run = service.wait(run_id, 300)
            self.assertEqual(run["status"], "completed", run["error"])
            self.assertIsNotNone(run["verdict"])
            status, page, _ = service.request("GET", f"/v1/runs/{run_id}/report.html")
            self.assertEqual((status, page.strip()[-7:]), (200, "</html>"))
            _, text, _ = service.request("GET", f"/v1/runs/{run_id}/events")
            self.assertEqual(text.count("event: end"), 1, "a run ends once")

    def test_the_jailer_is_killed_while_20_runs_are_in_flight(self):
        with Index() as index, Service(index.url) as service:
            runs = self.submit_many(service, 20)
            for _ in range(3):
                Service.until(lambda: service.metric('lazaret_stage_in_flight{stage="execution"}') > 0
                              and len(service.jailers()) == 1, 30, "runs are in their jails")
                (jailer,) = service.jailers()
                os.kill(jailer, signal.SIGKILL)
                Service.until(lambda: service.jailers() not in ([], [jailer]), 20, "the jailer is back")
            self.assert_all_judged(service, runs)
            self.assertEqual(service.metric("lazaret_jailer_restarts_total"), 3)

    def test_the_service_is_killed_with_10_runs_waiting_and_2_running(self):
        with Index() as index:
            with Service(index.url, MAX_CONCURRENCY=2) as service:
                runs = self.submit_many(service, 12)
                Service.until(lambda: service.metric('lazaret_stage_in_flight{stage="execution"}') == 2, 30,
                              "two runs are in their jails")
                service.kill()
                service.start()
                self.assert_all_judged(service, runs)
                self.assertEqual(len(list((service.data / "blobs" / "runs").iterdir())), 12)

    def test_sigterm_hands_back_what_it_can_not_finish_and_a_restart_goes_on(self):
        with Index() as index, Service(index.url, MAX_CONCURRENCY=1, DRAIN_SEC=1) as service:
            runs = self.submit_many(service, 6)
            Service.until(lambda: service.metric('lazaret_stage_in_flight{stage="execution"}') == 1, 30, "one runs")
            self.assertEqual(service.stop(), 0)
            service.start()
            self.assert_all_judged(service, runs)


if __name__ == "__main__":
    support.main()
