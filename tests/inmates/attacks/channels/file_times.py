# what: the time when a file was last read or changed (inode(7), atime)
# expect: exited 0
# with: tmp=1M
# control: own file
import os

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")

if PATH.startswith("/tmp"):
    with open(PATH, "w") as made:
        made.write("x")
    os.utime(PATH, (1, 1))


def times():
    found = os.stat(PATH)
    return found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns, found.st_nlink


def send():
    with open(PATH, "rb") as file:
        file.read(1)
    os.utime(PATH)


run(send, lambda before: times() != before, times)
