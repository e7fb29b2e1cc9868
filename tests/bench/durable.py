"""The price of durability: what is accepted per second, beside one SQLite transaction and one XADD of the same run, and
how soon it begins. The registry here takes connections and says nothing, so that whatever is accepted stays waiting."""
import contextlib
import datetime
import http.client
import json
import pathlib
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time

from support import TOKEN, Index, Service

BODY = '{"package_name": "there-is-no-such-package", "version": "1.0"}'


class SilentRegistry(contextlib.AbstractContextManager):
    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/simple"

    def __exit__(self, *exc):
        self.socket.close()


def accepted_per_second(service, folder, connections, seconds=3):
    script = folder / "submit.lua"
    script.write_text(f"""wrk.method = "POST"
wrk.body = [[{BODY}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {TOKEN}"
function done(summary) io.write("refused ", summary.errors.status, "\\n") end
""")
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, f"{service.url}/v1/triage"],
                          check=True, capture_output=True, text=True).stdout
    assert "refused 0" in done, done
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])


def transactions_per_second(folder, seconds=1.5):
    """One insert of a run's size, one commit, as durable as the store's: WAL and synchronous=FULL."""
    database = sqlite3.connect(folder / "baseline.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, body TEXT)")
    count, start = 0, time.monotonic()
    while time.monotonic() - start < seconds:
        database.execute("INSERT INTO runs (body) VALUES (?)", ("x" * 400,))
        count += 1
    return count / (time.monotonic() - start)


class Redis(contextlib.AbstractContextManager):
    def __init__(self, fsync):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-bench-redis-", dir="/var/tmp"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--appendonly", "yes",
             "--appendfsync", fsync, "--save", ""], stdout=subprocess.DEVNULL)
        while subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True).stdout != b"PONG\n":
            time.sleep(0.05)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def xadds_per_second(self, connections, calls):
        said = subprocess.run(["redis-benchmark", "-p", str(self.port), "-c", str(connections), "-n", str(calls), "-q",
                               "XADD", "baseline", "*", "d", "x" * 400], check=True, capture_output=True, text=True).stdout
        return float(re.findall(r"([\d.]+) requests per second", said)[-1])

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def in_turn(ours, baseline, rounds=3):
    pairs = [(ours(), baseline()) for _ in range(rounds)]
    return [statistics.median(each) for each in zip(*pairs)]


def accept(report):
    with SilentRegistry() as registry, Service(registry.url, QUEUE_LIMIT=100000, PER_IP_RATE_LIMIT=1000000,
                                               DOWNLOAD_STALL_SEC=3600, DRAIN_SEC=0) as service:
        for connections in (1, 16):
            mine, one = in_turn(lambda: accepted_per_second(service, service.data, connections),
                                lambda: transactions_per_second(service.data))
            report("durable", f"SQLite: accepted submissions, {connections} connections: p50; baseline one transaction "
                   "after the other", mine, "1/s", one)
    for fsync in ("everysec", "always"):
        with Redis(fsync) as redis, SilentRegistry() as registry, \
                Service(registry.url, QUEUE_LIMIT=100000, PER_IP_RATE_LIMIT=1000000, DOWNLOAD_STALL_SEC=3600, DRAIN_SEC=0,
                        STORE_URL=redis.url) as service:
            mine, one = in_turn(lambda: accepted_per_second(service, service.data, 16),
                                lambda: redis.xadds_per_second(1, 5000 if fsync == "always" else 20000))
            report("durable", f"Redis, appendfsync {fsync}: accepted submissions, 16 connections: p50; baseline one XADD "
                   "after the other", mine,
                   "1/s", one)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def dispatch(report, rounds=100):
    with Index() as index, Service(index.url) as service:
        waited = []
        for _ in range(rounds):
            run = service.triage("no-such-package-here", "1.0")  # ends at once: what counts is when it began
            waited.append(moment(run["stages"][0]["started_at"]) - moment(run["created_at"]))
    report("durable", "idle: from accepted to started, p50; baseline the 5 ms that it may take",
           statistics.median(waited) * 1000, "ms", 5)


@contextlib.contextmanager
def filled(index, count):
    """A service before which so many runs wait of a package that isn't there: each is a page that says 404, and its end."""
    settings = {"QUEUE_LIMIT": 100000, "PER_IP_RATE_LIMIT": 1000000, "DRAIN_SEC": 0}
    with SilentRegistry() as registry, Service(registry.url, **settings, DOWNLOAD_STALL_SEC=3600) as before:
        while (more := count - before.metric('lazaret_stage_queue_depth{stage="queue"}')) > 0:
            accepted_per_second(before, before.data, 16 if more > 2000 else 1, 1)
        before.kill()
        with Service(index.url, before.data, **settings) as service:
            yield service


def one_accepted(service, connection):
    start = time.monotonic()
    connection.request("POST", "/v1/triage", BODY, {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 202, answer.status
    return time.monotonic() - start


def begun_per_second(service, seconds=2):
    count = 'lazaret_stage_duration_seconds_count{outcome="failed",stage="download"}'
    before, start = service.metric(count), time.monotonic()
    time.sleep(seconds)
    return (service.metric(count) - before) / (time.monotonic() - start)


def waiting(report, few=3_000, many=98_000, rounds=2):
    accepted, begun = ([], []), ([], [])
    with Index() as index:
        for _ in range(rounds):
            for n, count in enumerate((few, many)):
                with filled(index, count) as service:
                    begun[n].append(begun_per_second(service))
                    connection = http.client.HTTPConnection(service.host, service.port)
                    accepted[n].extend(one_accepted(service, connection) for _ in range(200))
                    connection.close()
    report("durable", f"one submission, {many} waiting: p50; baseline {few} waiting",
           statistics.median(accepted[1]) * 1000, "ms", statistics.median(accepted[0]) * 1000)
    report("durable", f"time of a run that ends at once, {many} waiting; baseline {few} waiting",
           1000 / statistics.median(begun[1]), "ms", 1000 / statistics.median(begun[0]))


def share(report, jobs=300, nodes=3):
    """Every node asks for what it has room for: nobody shares out."""
    spec = json.dumps({"entry": "main.py"})
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}\r\n' for name, more, text in (
        ("spec", "", spec), ("code_files", '; filename="main.py"', "import time; time.sleep(0.3)"))) + "--x--\r\n"
    with contextlib.ExitStack() as stack:
        blobs = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lazaret-bench-", dir="/var/tmp")))
        shutil.chown(blobs, "nobody")
        redis, registry = stack.enter_context(Redis("everysec")), stack.enter_context(SilentRegistry())
        all_nodes = [stack.enter_context(Service(registry.url, STORE_URL=redis.url, BLOB_DIR=blobs, BATCH_CONCURRENCY=4,
                                                 BATCH_QUEUE_LIMIT=1000)) for _ in range(nodes)]
        for _ in range(jobs):
            status, answer, _ = all_nodes[0].request("POST", "/jobs", body.encode(),
                                                     headers={"Content-Type": "multipart/form-data; boundary=x"})
            assert status == 200, answer

        def done():
            return [n.metric('lazaret_stage_duration_seconds_count{outcome="done",stage="batch"}') for n in all_nodes]

        all_nodes[0].until(lambda: sum(done()) == jobs, 120, "all jobs have ended")
        counts = done()
    for what, value in (("most", max(counts)), ("fewest", min(counts))):
        report("durable", f"{jobs} sleeping jobs on {nodes} nodes of one Redis: the {what} of one node; baseline an even share",
               value, "jobs", jobs / nodes)


def durable(report):
    dispatch(report)
    share(report)
    accept(report)
    waiting(report)
