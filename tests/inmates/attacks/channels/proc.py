# what: the names of processes, and counts and loads that /proc shows (proc(5))
# expect: exited 0
# with: proc
import os

from channel import run


def names():
    found = []
    for pid in os.listdir("/proc"):
        try:
            found.append(open(f"/proc/{pid}/comm").read().strip())
        except OSError:
            continue
    return found


def send():
    import ctypes
    ctypes.CDLL(None).prctl(15, b"lazaret-bit", 0, 0, 0)  # PR_SET_NAME


def receive(_):
    shown = [p for p in ("loadavg", "stat", "meminfo", "vmstat", "locks", "net/unix", "uptime") if os.path.exists("/proc/" + p)]
    return "lazaret-bit" in names() or bool(shown)


run(send, receive)
