# what: a lease, which says whether others hold a file open (fcntl(2), F_SETLEASE); only a file's owner may ask, so
#   the control is a file of its own
# expect: exited 0
# with: tmp=1M
# control: own file
import fcntl
import os

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")

if PATH.startswith("/tmp"):
    open(PATH, "w").close()


def send():
    return open(PATH, "rb")


def receive(_):
    file = os.open(PATH, os.O_RDONLY)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        return False
    except BlockingIOError:
        return True


run(send, receive)
