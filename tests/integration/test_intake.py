"""What comes in twice, what was judged before, and what is forgotten, with a real service, its store and its jails."""

import support
from support import Index, Service
from test_triage import version_of


def submit(service, key=None, **body):
    headers = {"Idempotency-Key": key} if key else {}
    status, answer, head = service.request("POST", "/v1/triage", body, headers=headers)
    return status, answer, head


class IntakeTest(support.NeedsRoot):
    def test_a_key_gives_one_run_past_the_limits_and_over_kill_9(self):
        with Index() as index, Service(index.url, PER_IP_RATE_LIMIT=2) as service:
            six = {"package_name": "six", "version": version_of("six")}
            status, first, _ = submit(service, "once", **six)
            self.assertEqual(status, 202)
            for _ in range(4):
                status, again, head = submit(service, '"once"', **six)
                self.assertEqual((status, again["run_id"]), (202, first["run_id"]))
                self.assertEqual(head["Idempotent-Replayed"], "true")
            self.assertEqual(submit(service, "once", **six, mode="full")[0], 409)
            self.assertEqual(submit(service, "a b", **six)[0], 400)
            service.kill()
            service.start()
            self.assertEqual(submit(service, "once", **six)[1]["run_id"], first["run_id"])
            self.assertEqual(submit(service, "once", **six, mode="full")[0], 409)
            self.assertEqual(service.wait(first["run_id"], 120)["status"], "completed")
            _, runs, _ = service.request("GET", "/v1/runs")
            self.assertEqual(len(runs["runs"]), 1)

    def test_a_verdict_stands_for_the_next_who_asks_also_after_a_restart(self):
        with Index() as index, Service(index.url, VERDICT_TTL=600) as service:
            first = service.triage("six", version_of("six"))
            self.assertIn(first["verdict"], ("benign", "suspicious"))
            self.assertIsNone(first["reused_from"])
            service.kill()
            service.start()
            again = service.triage("six", version_of("six"))
            self.assertEqual(again["reused_from"], first["run_id"])
            for field in ("status", "verdict", "score", "summary", "findings"):
                self.assertEqual(again[field], first[field])
            self.assertEqual([s["stage"] for s in again["stages"]], ["download", "report"])
            _, report, _ = service.request("GET", f"/v1/runs/{again['run_id']}/report.json")
            _, former, _ = service.request("GET", f"/v1/runs/{first['run_id']}/report.json")
            self.assertEqual(report["phases"], former["phases"])
            self.assertEqual(service.request("GET", f"/v1/runs/{again['run_id']}/report.html")[0], 200)
            forced = service.triage("six", version_of("six"), force=True)
            self.assertIsNone(forced["reused_from"])
            self.assertEqual(service.triage("six", version_of("six"))["reused_from"], forced["run_id"])


if __name__ == "__main__":
    support.main()
