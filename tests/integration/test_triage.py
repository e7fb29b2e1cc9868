"""Real releases and sample packages, through the whole pipeline, in every mode."""
import gzip
import json
import re

import support
from support import Index, Service, rules

REAL = ("requests", "urllib3", "flask", "numpy", "pip", "setuptools", "jinja2", "pyyaml", "click", "six", "werkzeug")


def version_of(project):
    page = (support.MIRROR / "simple" / project / "index.html").read_text()
    return re.search(r">[^<-]+-([^<-]+)-[^<]*\.whl<", page)[1]


class TriageTest(support.NeedsRoot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.index = cls.enterClassContext(Index())
        cls.service = cls.enterClassContext(Service(cls.index.url, MAX_CONCURRENCY=2))

    def test_real_releases_are_benign_in_full_mode(self):
        runs = {name: self.service.submit(name, version_of(name), mode="full") for name in REAL}
        for name, run_id in runs.items():
            with self.subTest(name):
                run = self.service.wait(run_id, 300)
                self.assertEqual(run["status"], "completed", run["error"])
                self.assertEqual(run["verdict"], "benign", (run["summary"], run["findings"]))
                self.assertNotIn("failed", run["summary"])
                self.assertEqual([stage["outcome"] for stage in run["stages"]], ["done"] * 4)

    def test_the_report_is_there_as_json_and_as_html(self):
        run = self.service.triage("six", version_of("six"))
        status, report, _ = self.service.request("GET", f"/v1/runs/{run['run_id']}/report.json")
        self.assertEqual(status, 200)
        self.assertEqual(report["run"]["run_id"] if "run" in report else report["run_id"], run["run_id"])
        status, page, headers = self.service.request("GET", f"/v1/runs/{run['run_id']}/report.html")
        self.assertEqual(status, 200)
        self.assertIn("text/html", headers["Content-Type"])
        self.assertIn("six", page)
        self.assertNotIn("<script", page.lower())

    def test_the_merged_audit_log_is_beside_the_report(self):
        run = self.service.triage("six", version_of("six"), mode="full")
        (log,) = (self.service.data / "blobs" / "runs" / run["run_id"]).glob("report.*/audit.log.gz")
        with gzip.open(log, "rt") as log:
            lines = log.read().splitlines()
        self.assertEqual({line.partition(": ")[0] for line in lines}, {"install", "sandbox"})
        for line in lines:
            event = json.loads(line.partition(": ")[2])
            self.assertLessEqual({"timestamp", "event", "args", "caller"}, set(event))

    def test_events_tell_the_stages_in_order_and_are_replayed(self):
        run = self.service.triage("six", version_of("six"))
        status, text, headers = self.service.request("GET", f"/v1/runs/{run['run_id']}/events")
        self.assertEqual(status, 200)
        self.assertIn("text/event-stream", headers["Content-Type"])
        ids = [int(n) for n in re.findall(r"^id: ?(\d+)$", text, re.M)]
        self.assertEqual(ids, list(range(1, len(ids) + 1)))
        done = [json.loads(data)["stage"] for data in re.findall(r"^data: ?(.*)$", text, re.M)
                if json.loads(data).get("state") == "done"]
        self.assertEqual(done, ["download", "execution", "analysis", "report"])
        self.assertEqual(re.findall(r"^event: ?(\w+)$", text, re.M)[-1], "end")
        _, rest, _ = self.service.request("GET", f"/v1/runs/{run['run_id']}/events",
                                          headers={"Last-Event-ID": str(ids[-1] - 1)})
        self.assertEqual([int(n) for n in re.findall(r"^id: ?(\d+)$", rest, re.M)], [ids[-1]])

    def test_a_second_run_takes_its_files_from_the_cache(self):
        self.assertEqual(self.service.triage("idna", version_of("idna"))["status"], "completed")
        series = 'lazaret_download_bytes_total{ecosystem="pypi",source="index"}'
        before = self.service.metric(series)
        self.service.triage("idna", version_of("idna"))
        self.assertEqual(self.service.metric(series), before)

    def test_unknown_packages_and_versions_end_failed_with_a_report_that_says_so(self):
        for name, version in (("lz-no-such-package", "1.0"), ("six", "999.1")):
            with self.subTest(name):
                run = self.service.triage(name, version)
                self.assertEqual((run["status"], run["verdict"]), ("failed", None))
                self.assertIn("not found", run["error"])
                status, page, _ = self.service.request("GET", f"/v1/runs/{run['run_id']}/report.html")
                self.assertEqual(status, 200)
                self.assertIn("not found", page)

    def test_a_running_triage_can_be_canceled(self):
        run_id = self.service.submit("lz-sample-sleep", "1.0")
        Service.until(lambda: any(s["stage"] == "execution" for s in self.service.run(run_id)["stages"]), 30,
                      "the run is in its jail")
        status, run, _ = self.service.request("DELETE", f"/v1/runs/{run_id}")
        self.assertEqual((status, run["status"]), (200, "canceled"))
        self.assertIn(self.service.request("DELETE", f"/v1/runs/{run_id}")[0], (409,))


class SampleTest(support.NeedsRoot):
    """Each sample is found out by the rule it was written for, and its innocent twin is not."""

    def test_every_sample_gets_the_verdict_and_the_rules_of_the_manifest(self):
        samples = json.loads((support.MIRROR / "samples.json").read_text())
        self.assertGreater(len(samples), 50)
        named = {sample["name"]: set(sample["rules"]) for sample in samples}
        with Index() as index, Service(index.url, MAX_CONCURRENCY=2, QUEUE_LIMIT=1000, RUN_TIMEOUT_SEC=30,
                                       RLIMIT_CPU_SEC=4, DISK_LIMIT_MB=64) as service:
            runs = []
            for sample in samples:
                asked = {"mode": sample["mode"]} | {k: sample[k] for k in ("entrypoint",) if sample.get(k)}
                runs.append((sample, service.submit(sample["name"], sample["version"], **asked)))
            for sample, run_id in runs:
                with self.subTest(sample["name"]):
                    run = service.wait(run_id, 900)
                    self.assertEqual(run["verdict"], sample["verdict"], (run["summary"], run["error"], run["findings"]))
                    self.assertLessEqual(set(sample["rules"]), rules(run), run["findings"])
                    original = sample["name"].removesuffix("-twin")
                    if original != sample["name"]:
                        self.assertFalse(named[original] & rules(run), run["findings"])
            self.assertEqual(service.request("GET", "/readyz")[0], 200)


if __name__ == "__main__":
    support.main()
