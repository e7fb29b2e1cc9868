# what: a lock on a file of the host that both may read (flock(2))
# expect: exited 0
import fcntl
import os

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")


def send():
    file = open(PATH, "rb")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def receive(_):
    try:
        with open(PATH, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True


run(send, receive)
