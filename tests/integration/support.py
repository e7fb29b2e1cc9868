"""Starts real processes for the integration tests: a package index, lazaretd, and whatever talks to them.

Everything runs on loopback and free ports. Needs root: the jailer makes jails, the service gives up its privileges.
"""
import contextlib
import functools
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LAZARET_BUILD", SOURCE / "build" / "release"))
MIRROR = pathlib.Path(os.environ.get("LAZARET_MIRROR", BUILD / "mirror"))
TOKEN = "integration-token"
ENDED = ("completed", "failed", "canceled")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    """A client that is killed while it is being answered is no news."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Index(contextlib.AbstractContextManager):
    """A static file server over the folder that deploy/mirror.sh made."""

    def __init__(self, folder=MIRROR, host="127.0.0.1"):
        handler = functools.partial(QuietHandler, directory=str(folder))
        self.server = QuietServer((host, 0), handler)
        self.url = f"http://{host}:{self.server.server_port}/simple"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()


class Service(contextlib.AbstractContextManager):
    """One lazaretd with a data folder of its own, unless one is given (a restart)."""

    def __init__(self, index_url, data=None, program=BUILD / "bin" / "lazaretd", arguments=(), **settings):
        self.program = program
        self.arguments = arguments
        self.own_data = data is None
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="lazaret-it-", dir="/var/tmp"))
        self.settings = {"API_TOKEN": TOKEN, "HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": str(self.data),
                         "PYPI_INDEX_URL": index_url, "QUEUE_LIMIT": "200", "VERDICT_TTL": "0", "PER_IP_RATE_LIMIT": "10000",
                         "LOG_LEVEL": "info", **{k: str(v) for k, v in settings.items()}}
        self.log = open(self.data.with_suffix(".log"), "ab")
        self.start()

    def start(self):
        environment = {"PATH": "/usr/bin:/bin", **self.settings}
        self.process = subprocess.Popen([str(self.program), *self.arguments], env=environment, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        for line in self.process.stdout:
            if found := re.match(r"listening on http://([\d.]+):(\d+)", line):
                self.host, self.port = found[1], int(found[2])
                self.url = f"http://{self.host}:{self.port}"
                break
        else:
            raise RuntimeError(f"lazaretd did not start (exit {self.process.wait()}): {self.log_text()[-3000:]}")
        threading.Thread(target=self._drain, args=(self.process.stdout,), daemon=True).start()
        self.until(lambda: self.request("GET", "/readyz")[0] == 200, 20, "the service is ready")

    @staticmethod
    def _drain(stream):
        with contextlib.suppress(ValueError):
            for _ in stream:
                pass

    def log_text(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, kind, *exc):
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()
        self.log.close()
        if kind is not None:
            print("---- lazaretd's log:\n" + pathlib.Path(self.log.name).read_text(errors="replace")[-6000:],
                  file=sys.stderr)
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
            os.unlink(self.log.name)

    def request(self, method, path, body=None, token=TOKEN, headers=None, timeout=30):
        """(status, parsed JSON or text, headers)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            fields = dict(headers or {})
            if token:
                fields["Authorization"] = f"Bearer {token}"
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode()
                fields.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            raw = answer.read()
            text = raw.decode("utf-8", "replace")
            if answer.getheader("Content-Type", "").startswith("application/json"):
                return answer.status, json.loads(text), answer.headers
            return answer.status, text, answer.headers
        finally:
            connection.close()

    def submit(self, name, version, **fields):
        status, answer, _ = self.request("POST", "/v1/triage", {"package_name": name, "version": version, **fields})
        if status != 202:
            raise AssertionError(f"submission refused: {status} {answer}")
        return answer["run_id"]

    def run(self, run_id):
        status, answer, _ = self.request("GET", f"/v1/runs/{run_id}")
        if status != 200:
            raise AssertionError(f"no run: {status} {answer}")
        return answer

    def wait(self, run_id, seconds=180):
        """The run once it has ended."""
        return self.until(lambda: (r := self.run(run_id))["status"] in ENDED and r, seconds, f"run {run_id} ends")

    def triage(self, name, version, **fields):
        return self.wait(self.submit(name, version, **fields))

    def metric(self, series):
        """The value of one series, e.g. 'lazaret_stage_restarts_total{stage="queue"}'."""
        for line in self.request("GET", "/metrics")[1].splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no series {series}")

    def connections(self):
        """How many connections the service holds open on its own port. Its descriptors as a whole move with what runs
        in it: a jail made ahead, a download. proc(5), /proc/net/tcp: local address in hex, inode in the tenth field."""
        mine = f":{self.port:04X}"
        inodes = {fields[9] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
                  if (fields := line.split())[1].endswith(mine) and fields[3] != "0A"}  # 0A: TCP_LISTEN
        count = 0
        for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                count += os.readlink(fd)[len("socket:["):-1] in inodes
        return count

    @staticmethod
    def until(condition, seconds, what):
        deadline = time.monotonic() + seconds
        while True:
            if value := condition():
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"after {seconds} s: not yet that {what}")
            time.sleep(0.05)

    def jailers(self):
        """Process ids of this service's lazaret-jailer: descendants only, and not what it forks itself."""
        parents, names = {}, {}
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                text = entry.read_text()
                pid = int(entry.parent.name)
                names[pid] = text[text.index("(") + 1:text.rindex(")")]
                parents[pid] = int(text[text.rindex(")") + 2:].split()[1])

        def descends(pid):
            while pid > 1:
                if pid == self.process.pid:
                    return True
                pid = parents.get(pid, 0)
            return False

        return [pid for pid, name in names.items()
                if name == "lazaret-jailer" and names.get(parents[pid]) != name and descends(pid)]


class NeedsRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
        if not (MIRROR / "simple").is_dir():
            raise AssertionError(f"no mirror at {MIRROR}: deploy/mirror.sh {MIRROR}")


def rules(run):
    return {finding["rule"] for finding in run["findings"]}


def main():
    unittest.main(verbosity=2)
