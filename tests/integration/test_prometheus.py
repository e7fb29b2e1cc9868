"""A real Prometheus scrapes a working service; every panel of the dashboard returns the data of what was just done."""
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import support
from support import Index, Service, TOKEN
from test_triage import version_of

DASHBOARD = support.SOURCE / "deploy" / "grafana" / "lazaret.json"
# What is zero on a service that has done its work and met no trouble: the series exist all the same.
QUIET = ("_restarts_total", "_queue_depth", "_in_flight", "_webhook_deliveries_total", "_runs_poisoned_total")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class PrometheusTest(support.NeedsRoot):
    def test_the_exposition_satisfies_promtool(self):
        with Index() as index, Service(index.url) as service:
            service.triage("six", version_of("six"))
            text = service.request("GET", "/metrics", token=None)[1]
            done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_configuration_satisfies_promtool(self):
        done = subprocess.run(["promtool", "check", "config", support.SOURCE / "deploy/prometheus/prometheus.yml"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_panel_shows_what_was_just_done(self):
        with Index() as index, Service(index.url) as service, tempfile.TemporaryDirectory() as folder:
            config = (support.SOURCE / "deploy/prometheus/prometheus.yml").read_text()
            config = config.replace("127.0.0.1:8080", f"{service.host}:{service.port}").replace("15s", "1s")
            config = config.replace("[alerts.yml]", f"[{support.SOURCE}/deploy/prometheus/alerts.yml]")
            path = pathlib.Path(folder) / "prometheus.yml"
            path.write_text(config)
            port = free_port()
            prometheus = subprocess.Popen(
                ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.check_panels(service, f"http://127.0.0.1:{port}")
            finally:
                prometheus.terminate()
                prometheus.wait()

    def check_panels(self, service, prometheus):
        def query(expression):
            url = f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]["result"]

        def up():
            try:
                return [r for r in query('up{job="lazaret"}') if r["value"][1] == "1"]
            except OSError:
                return None

        Service.until(up, 30, "Prometheus has scraped the service")
        for _ in range(3):  # spread over several scrapes, so that rates have something to see
            service.triage("six", version_of("six"))
            time.sleep(1.5)

        panels = json.loads(DASHBOARD.read_text())["panels"]
        self.assertGreaterEqual(len(panels), 10)
        for panel in panels:
            for target in panel["targets"]:
                expression = (target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m"))
                with self.subTest(panel["title"], expression=expression):
                    rows = Service.until(lambda: query(expression), 15, "the query has an answer")
                    values = [float(row["value"][1]) for row in rows]
                    if not any(name in expression for name in QUIET):
                        self.assertTrue(any(v > 0 for v in values if v == v), rows)
                    if panel["title"] in ("Verdicts in 24 h", "Verdicts"):
                        benign = [float(r["value"][1]) for r in rows if r["metric"].get("verdict") == "benign"]
                        self.assertGreater(benign[0], 0)
                    if panel["title"] == "Submissions":
                        accepted = [float(r["value"][1]) for r in rows if r["metric"].get("outcome") == "accepted"]
                        self.assertGreater(accepted[0], 0)
                    if panel["title"] == "Stages finished":
                        done = {r["metric"]["stage"] for r in rows
                                if r["metric"]["outcome"] == "done" and float(r["value"][1]) > 0}
                        self.assertEqual(done, {"download", "execution", "analysis", "report"})


if __name__ == "__main__":
    support.main()
