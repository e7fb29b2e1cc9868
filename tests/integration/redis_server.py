"""A real redis-server of a test's own, on loopback, with an append-only file."""
import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Redis(contextlib.AbstractContextManager):
    def __init__(self, password=None, options=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-redis-", dir="/var/tmp"))
        self.port, self.password, self.options = free_port(), password, options
        credentials = f":{password}@" if password else ""
        self.url = f"redis://{credentials}127.0.0.1:{self.port}/0"
        self.start()

    def start(self, empty=False):
        """With what is on its disk; `empty`: without."""
        if empty:
            shutil.rmtree(self.folder / "appendonlydir")
        password = ["--requirepass", self.password] if self.password else []
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", *password, *self.options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while self.cli("PING") != "PONG":
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.05)

    def cli(self, *command):
        password = ["-a", self.password, "--no-auth-warning"] if self.password else []
        return subprocess.run(["redis-cli", "-p", str(self.port), *password, *command], capture_output=True, text=True,
                              timeout=10).stdout.strip()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
