"""Nodes and a Redis, each in a network namespace of its own on one bridge, for tests that kill, freeze and cut them off.

    here 10.77.0.1 (index, clients) ── bridge ──┬── node 1  10.77.0.11
                                                ├── node 2  10.77.0.12
                                                └── redis   10.77.0.9
"""
import concurrent.futures
import contextlib
import ctypes
import http.client
import pathlib
import signal
import socket
import subprocess
import threading
import time

import support
import world

HUB = "10.77.0.1"


def build_bridge():
    """Moves this process into a fresh network namespace: before any thread is started."""
    world.unshare()
    world.ip("link", "set", "lo", "up")
    world.ip("link", "add", "hub", "type", "bridge")
    world.ip("addr", "add", HUB + "/24", "dev", "hub")
    world.ip("link", "set", "hub", "up")


class Place(contextlib.AbstractContextManager):
    """A network namespace with one address. It ends with the process that holds it, and that with this one."""

    def __init__(self, number):
        self.address, self.link = f"10.77.0.{number}", f"port{number}"
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; read end"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        world.ip("link", "add", self.link, "type", "veth", "peer", "name", "out", "netns", str(self.holder.pid))
        world.ip("link", "set", self.link, "master", "hub", "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", self.address + "/24", "dev", "out")
        self.run("ip", "link", "set", "out", "up")

    def inside(self, *words):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--", *map(str, words)]

    def run(self, *words):
        subprocess.run(self.inside(*words), check=True)

    def call(self, make):
        """What `make` returns on a thread that is in this place: sockets stay where they were made (setns(2))."""
        def there():
            with open(f"/proc/{self.holder.pid}/ns/net") as namespace:
                assert ctypes.CDLL(None).setns(namespace.fileno(), world.CLONE_NEWNET) == 0
            return make()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(there).result()

    def cut(self):
        """Nothing comes or goes, and nobody is told: a pulled cable."""
        world.ip("link", "set", self.link, "nomaster")

    def heal(self):
        world.ip("link", "set", self.link, "master", "hub")

    def __exit__(self, *exc):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


class Victim(contextlib.AbstractContextManager):
    """A process in a place, started again whenever it has ended: systemd's Restart=always."""

    def __init__(self, place):
        self.place, self.lock = place, threading.Lock()
        self.wanted, self.process, self.endings = True, None, []
        self.start()
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()

    def keep(self):
        while self.wanted:
            code = self.process.wait()
            if not self.wanted:
                return
            self.endings.append(code)
            time.sleep(0.2)
            with self.lock:
                if self.wanted:
                    self.start()

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)

    def end(self):
        """SIGTERM, and what came of it."""
        with self.lock:
            self.wanted = False
        self.process.terminate()
        code = self.process.wait(60)
        self.keeper.join()
        return code

    def __exit__(self, *exc):
        with self.lock:
            self.wanted = False
        self.process.kill()
        self.keeper.join()
        self.place.__exit__()


class Redis(Victim):
    """Durable: appendfsync always (README)."""

    def __init__(self, place, folder):
        self.folder = folder
        self.url = f"redis://{place.address}:6379/0"
        super().__init__(place)

    def start(self):
        self.process = subprocess.Popen(
            self.place.inside("redis-server", "--bind", self.place.address, "--protected-mode", "no", "--dir", self.folder,
                              "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--logfile",
                              f"{self.folder}/log"), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((self.place.address, 6379), timeout=0.5):
                return
            time.sleep(0.02)


class Node(Victim):
    """A lazaretd that keeps its address when it is started again. `jailers`: every one that it had."""
    request = support.Service.request
    submit = support.Service.submit
    metric = support.Service.metric

    def __init__(self, place, folder, **settings):
        self.host, self.port = place.address, 8080
        self.data = pathlib.Path(folder)
        self.data.mkdir()
        self.jailers = set()
        self.settings = {"API_TOKEN": support.TOKEN, "HOST": self.host, "PORT": str(self.port), "DATA_DIR": str(self.data),
                         "PER_IP_RATE_LIMIT": "100000", "PATH": "/usr/bin:/bin", **{k: str(v) for k, v in settings.items()}}
        self.log = open(f"{folder}.log", "ab")
        super().__init__(place)

    def start(self):
        self.process = subprocess.Popen(self.place.inside(support.BUILD / "bin" / "lazaretd"), env=self.settings,
                                        stdout=self.log, stderr=self.log)
        threading.Thread(target=self.note_jailers, args=(self.process,), daemon=True).start()

    def note_jailers(self, process):
        while process.poll() is None:
            with contextlib.suppress(OSError):
                self.jailers.update(support.Service.jailers(self))
            time.sleep(0.5)

    def readiness(self):
        try:
            return self.request("GET", "/readyz", timeout=3)[:2]
        except (OSError, http.client.HTTPException) as unreachable:
            return None, unreachable

    def is_ready(self):
        return self.readiness()[0] == 200

    def __exit__(self, *exc):
        super().__exit__(*exc)
        self.log.close()
