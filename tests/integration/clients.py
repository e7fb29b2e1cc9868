"""Clients and receivers of webhooks as they are in the field, for tests in which services die: a client keeps asking, with
the same Idempotency-Key, until it is told an id; a receiver counts what comes, by key."""
import contextlib
import email.parser
import email.policy
import gzip
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import threading
import time

import support
from test_jobs import form
from test_triage import version_of

RELEASES = ("six", "idna", "toml", "tabulate")  # small ones: a run is about a second
AGAIN = (429, 502, 503)  # what a client takes for "later"


class Sink(contextlib.AbstractContextManager):
    """`got[key]` are the digests of the messages that came with that Idempotency-Key, in order."""

    def __init__(self):
        self.got, self.runs, self.lock = {}, {}, threading.Lock()
        sink = self

        class handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                sink.keep(self.headers, body)
                self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.handler, self.servers = handler, []

    def listen(self):
        """Its URL on this thread's loopback: a webhook goes to https, or to loopback, and to nowhere else."""
        server = support.QuietServer(("127.0.0.1", 0), self.handler)
        self.servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/hook"

    def keep(self, headers, body):
        """By its parts: the boundary between them is a new one each time. A message that is not whole is not kept."""
        whole = b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
        parts = [(part.get_param("name", header="content-disposition"), part.get_payload(decode=True))
                 for part in email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(whole).iter_parts()]
        if not parts or int(headers["Content-Length"]) != len(body):
            return
        fields = {f["name"]: f["value"] for f in json.loads(dict(parts)["payload_json"])["embeds"][0]["fields"]}
        with self.lock:
            self.got.setdefault(headers["Idempotency-Key"], []).append(hashlib.sha256(repr(parts).encode()).hexdigest())
            self.runs.setdefault(fields["Run ID"].strip("`"), set()).add(headers["Idempotency-Key"])

    def __exit__(self, *exc):
        for server in self.servers:
            server.shutdown()
            server.server_close()


class Clients:
    """Asks one of `nodes` (Services) after the other; `accepted` is what they were promised: [(kind, id, number)]."""

    def __init__(self, nodes, seed):
        self.nodes, self.seed, self.accepted, self.lock = nodes, seed, [], threading.Lock()
        self.lost = self.refused = 0

    def ask(self, kind, number, patience=60):
        """Until it is accepted. The same number again is the same request again."""
        chance = random.Random(f"{self.seed} {number}")
        deadline, first = time.monotonic() + patience, None
        while True:
            node = chance.choice(self.nodes)
            try:
                status, answer, _ = self.send(node, kind, number)
            except (OSError, http.client.HTTPException, ValueError) as lost:  # ValueError: half a JSON answer
                status, answer = None, lost
            if status in (200, 202):
                name = answer[{"triage": "run_id", "job": "job_id", "execution": "execution_id"}[kind]]
                if first is None and chance.random() < 0.25:
                    first = name  # as if this answer had been lost
                    continue
                assert first in (None, name), f"{kind} {number}: the same key gave {first}, and then {name}"
                with self.lock:
                    self.accepted.append((kind, name, number))
                return name
            if status is not None and status not in AGAIN:
                raise AssertionError(f"{kind} {number}: {status} {answer}")
            with self.lock:
                self.lost += status is None
                self.refused += status is not None
            if time.monotonic() > deadline:
                raise AssertionError(f"{kind} {number}: not accepted within {patience} s: {status} {answer}")
            time.sleep(chance.uniform(0.05, 0.3))

    def send(self, node, kind, number):
        key = {"Idempotency-Key": f"{self.seed}-{number}"}
        if kind == "triage":
            name = RELEASES[number % len(RELEASES)]
            mode = ("install", "full")[number % 2]
            body = {"package_name": name, "version": version_of(name), "mode": mode, "force": True}
            return node.request("POST", "/v1/triage", body, headers=key, timeout=10)
        if kind == "job":
            code = f"print('job {number}')\nopen('/workspace/output/n', 'w').write('{number}')\n"
            body, content_type = form({}, [("main.py", code)])
            return node.request("POST", "/jobs", body, headers={**key, "Content-Type": content_type}, timeout=10)
        body = {"async": True, "argv": ["sh", "-c", f"echo execution {number}"]}
        return node.request("POST", "/v1/execute", body, headers=key, timeout=10)




def until_ended(node, kind, name, seconds=120):
    """What is known of it once it has ended, and its webhook with it."""
    def ended():
        try:
            status, answer, _ = node().request("GET", {"triage": "/v1/runs/", "job": "/jobs/",
                                                       "execution": "/v1/executions/"}[kind] + name)
        except (OSError, http.client.HTTPException):
            return None
        if status in AGAIN:
            return None
        assert status == 200, f"{kind} {name} was accepted, and is gone: {status} {answer}"
        known = answer["job"] if kind == "job" else answer
        over = known["status"] not in ("queued", "running") and known.get("delivery") != "pending"
        return over and known
    return support.Service.until(ended, seconds, f"{kind} {name} ends")


def all_ended(node, seconds=60):
    """The ids of all runs, once none of them waits or runs."""
    def page_by_page():
        runs, cursor = [], ""
        while cursor is not None:
            _, page, _ = node.request("GET", "/v1/runs?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            runs += page["runs"]
            cursor = page["next_cursor"]
        return all(run["status"] in support.ENDED for run in runs) and {"", *(run["run_id"] for run in runs)}
    return support.Service.until(page_by_page, seconds, "all runs have ended") - {""}


def assert_whole(node, known, kind, name, number):
    """Its result is all that was promised."""
    if kind == "execution":
        assert (known["status"], known["stdout"]) == ("completed", f"execution {number}\n"), known
        return
    if kind == "job":
        assert (known["status"], known["exit_code"]) == ("succeeded", 0), known
        status, log, _ = node.request("GET", f"/jobs/{name}/logs")
        assert status == 200 and f"job {number}" in str(log) and "finished with code 0" in str(log), (status, log)
        status, text, _ = node.request("GET", f"/jobs/{name}/artifacts/n")
        assert (status, text) in ((200, str(number)), (200, number)), (status, text)
        return
    assert (known["status"], known["error"]) == ("completed", None), known
    status, report, _ = node.request("GET", f"/v1/runs/{name}/report.json")
    assert status == 200, (name, status, report)
    assert (report["run_id"], report["status"], report["verdict"]) == (name, "completed", known["verdict"]), (known, str(report)[:2000])
    expected = digest_of(RELEASES[number % len(RELEASES)])
    assert expected in json.dumps(report["release"]), (report["release"], expected)
    assert len(report["phases"]) == (1, 3)[number % 2] and report["phases"][0]["ok"], report["phases"]
    status, page, _ = node.request("GET", f"/v1/runs/{name}/report.html")
    assert status == 200 and page.rstrip().endswith("</html>"), page[-200:]
    text = node.request("GET", f"/v1/runs/{name}/events")[1]
    assert text.count("event: end") == 1, "a run ends once"
    numbers = [int(n) for n in re.findall(r"^id: ?(\d+)$", text, re.M)]
    assert numbers == list(range(1, len(numbers) + 1)), numbers


def assert_whole_files(run_folder):
    """What the report stage wrote beside the two forms of the report; an attempt that died has left no more than drafts."""
    logs = list(run_folder.rglob("audit.log.gz"))
    assert logs, list(run_folder.rglob("*"))
    for one in logs:
        with gzip.open(one) as log:
            assert log.read(), "pip was watched, so it is not empty"
    finished = [p.parent for p in run_folder.rglob("report.html")]
    assert finished and not [p for p in run_folder.rglob("*.tmp") if p.parent in finished and p.name != "report.html.tmp"]


def digest_of(release):
    page = (support.MIRROR / "simple" / release / "index.html").read_text()
    return re.search(r"#sha256=([0-9a-f]{64})", page)[1]


def left_behind(data, jailers):
    """What is still there of services that have ended: processes with their DATA_DIR, jails' cgroups."""
    left = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"DATA_DIR={data}\0".encode() in (process / "environ").read_bytes():
                left.append(f"process {process.name} {(process / 'cmdline').read_bytes()!r}")
            homes = re.findall(r"/lazaret\.(\d+)", (process / "cgroup").read_text())
            if set(map(int, homes)) & set(jailers):
                left.append(f"jailed process {process.name} of {homes}")
    for folder, below, _ in os.walk("/sys/fs/cgroup"):
        left += [os.path.join(folder, name) for name in below if name in {f"lazaret.{pid}" for pid in jailers}]
    return left
