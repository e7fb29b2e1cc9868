# what: a watch on a file and a directory of the host, told when another opens it (inotify(7))
# expect: exited 0
import os
import ctypes
import select

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")

libc = ctypes.CDLL(None, use_errno=True)
IN_ACCESS, IN_OPEN, IN_CLOSE = 0x1, 0x20, 0x18


def watch():
    fd = libc.inotify_init1(os.O_NONBLOCK)
    for path in (PATH, os.path.dirname(PATH)):
        if libc.inotify_add_watch(fd, path.encode(), IN_ACCESS | IN_OPEN | IN_CLOSE) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")
    return fd


def send():
    with open(PATH, "rb") as file:
        file.read(16)


def receive(fd):
    return bool(select.select([fd], [], [], 0.1)[0])


run(send, receive, watch)
