"""The cases of deploy/bench.sh. Each figure stands beside a baseline that was measured alternately in the same run."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import durable  # noqa: E402
import jails  # noqa: E402
import runtimes  # noqa: E402
import support  # noqa: E402
from support import BUILD, Index, Service  # noqa: E402


def report(case, metric, value, unit, baseline):
    print(json.dumps({"case": case, "metric": metric, "value": round(value, 4), "unit": unit,
                      "baseline": round(baseline, 4), "ratio": round(value / baseline, 3)}), flush=True)


def version_of(project):
    page = (support.MIRROR / "simple" / project / "index.html").read_text()
    return re.search(r">[^<-]+-([^<-]+)-[^<]*\.whl<", page)[1]


def bare_pip(index, name, version, *options):
    """The same pip outside any jail; seconds."""
    folder = tempfile.mkdtemp(prefix="lazaret-bench-", dir="/var/tmp")
    try:
        environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "PIP_CONFIG_FILE": "/dev/null",
                       "PIP_ROOT_USER_ACTION": "ignore"}
        start = time.monotonic()
        subprocess.run(["/usr/bin/python3", "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
                        "--no-cache-dir", *options, "--target", f"{folder}/site", "--index-url", index,
                        f"{name}=={version}"], env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start
    finally:
        shutil.rmtree(folder)


def timed_triage(service, name, version):
    """Seconds from the submission to its end, as a client that follows the events sees it."""
    start = time.monotonic()
    run_id = service.submit(name, version)
    service.request("GET", f"/v1/runs/{run_id}/events", timeout=300)
    took = time.monotonic() - start
    run = service.run(run_id)
    assert run["status"] == "completed" and "install ok" in run["summary"], run
    return took


def triage(rounds=9):
    version = version_of("requests")
    with Index() as index, Service(index.url) as service:
        timed_triage(service, "requests", version)  # fills the cache
        bare_pip(index.url, "requests", version)
        ours, bare, uncompiled = [], [], []
        for _ in range(rounds):
            ours.append(timed_triage(service, "requests", version))
            bare.append(bare_pip(index.url, "requests", version))
            uncompiled.append(bare_pip(index.url, "requests", version, "--no-compile"))
    took = statistics.median(ours)
    report("triage", "requests, install, warm cache: wall p50; baseline pip install --target", took, "s",
           statistics.median(bare))
    # The jailed pip does not byte-compile what nobody keeps: this is the price of jail, watching and report alone.
    report("triage", "requests, install, warm cache: wall p50; baseline pip install --no-compile --target", took, "s",
           statistics.median(uncompiled))


PARALLEL = ("requests", "flask", "jinja2", "click", "six", "idna", "certifi", "chardet", "urllib3", "werkzeug",
            "itsdangerous", "pyyaml", "markupsafe", "toml", "tabulate", "pluggy", "iniconfig", "colorama", "zipp",
            "decorator")


def parallel(rounds=3):
    releases = [(name, version_of(name)) for name in PARALLEL]
    with Index() as index, Service(index.url, MAX_CONCURRENCY=2) as service:
        for name, version in releases:
            timed_triage(service, name, version)
        ours, bare = [], []
        for _ in range(rounds):
            start = time.monotonic()
            runs = [service.submit(name, version) for name, version in releases]
            for run_id in runs:
                service.request("GET", f"/v1/runs/{run_id}/events", timeout=300)
            ours.append(time.monotonic() - start)
            bare.append(sum(bare_pip(index.url, name, version) for name, version in releases))
    report("parallel", "20 packages, 2 workers: wall p50", statistics.median(ours), "s", statistics.median(bare))


def wrk(url, seconds=3):
    done = subprocess.run(["wrk", "-t2", "-c16", f"-d{seconds}s", url], check=True, capture_output=True, text=True)
    assert "Non-2xx" not in done.stdout, done.stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])


def healthz(rounds=5):
    loop = subprocess.Popen([BUILD / "bin" / "beast_loop"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(loop.stdout.readline())
        with Index() as index, Service(index.url) as service:
            ours, bare = [], []
            for _ in range(rounds):
                ours.append(wrk(f"{service.url}/healthz"))
                bare.append(wrk(f"http://127.0.0.1:{port}/"))
    finally:
        loop.stdin.close()
        loop.wait()
    report("healthz", "GET /healthz, 16 connections: p50", statistics.median(ours), "requests/s",
           statistics.median(bare))


def figures(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024, len(os.listdir(f"/proc/{pid}/fd"))


def memory(few=30, many=300):
    version = version_of("six")
    with Index() as index, Service(index.url, QUEUE_LIMIT=1000) as service:
        def run(count):
            runs = [service.submit("six", version) for _ in range(count)]
            for run_id in runs:
                service.wait(run_id, 900)
            time.sleep(1)
            (jailer,) = service.jailers()
            return figures(service.process.pid), figures(jailer)

        early = run(few)
        late = run(many - few)
    for who, (rss, fds), (late_rss, late_fds) in zip(("lazaretd", "lazaret-jailer"), early, late):
        report("memory", f"{who}: resident after {many} runs beside after {few}", late_rss, "bytes", rss)
        report("memory", f"{who}: open files after {many} runs beside after {few}", late_fds, "files", fds)


def bare_python(code):
    """Seconds of the same interpreter outside any jail, with the least that a process costs."""
    start = time.monotonic()
    pid = os.posix_spawn("/usr/bin/python3", ["python3", "-c", code], {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    os.waitpid(pid, 0)
    return time.monotonic() - start


def evaluate(rounds=200):
    """`/eval` over a connection that is kept, alternately with a bare interpreter."""
    with Service("http://127.0.0.1:1/simple") as service:
        connection = http.client.HTTPConnection(service.host, service.port)

        def ours(**body):
            start = time.monotonic()
            connection.request("POST", "/eval", json.dumps(body), {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
            took = time.monotonic() - start
            assert (answer["stdout"], answer["returncode"]) == ("1\n", 0), answer
            return took

        def compare(what, **body):
            times = [(ours(**body), bare_python("print(1)")) for _ in range(rounds + 10)][10:]
            mine, bare = zip(*times)
            report("eval", f"{what}: wall p50; baseline python3 -c 'print(1)'", statistics.median(mine) * 1000, "ms",
                   statistics.median(bare) * 1000)

        compare("print(1)", input="print(1)")
        compare("print(1), a file in and a file out", input="open('b', 'w').write('x'); print(1)",
                files=[{"path": "a", "content": "eA=="}])
        connection.close()


def jail():
    jails.jail(lambda metric, value, unit, baseline: report("jail", metric, value, unit, baseline))


def stores():
    for which in ("sqlite", "everysec", "always"):
        subprocess.run([BUILD / "bin/store_cost", which], check=True)


CASES = {"triage": triage, "parallel": parallel, "healthz": healthz, "memory": memory, "jail": jail, "eval": evaluate,
         "stores": stores, "durable": lambda: durable.durable(report), "runtimes": lambda: runtimes.runtimes(report)}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(CASES)
    if unknown := [name for name in chosen if name not in CASES]:
        sys.exit(f"unknown case {', '.join(unknown)}; there are: {', '.join(CASES)}")
    for name in chosen:
        CASES[name]()
