# what: a FIFO in a tree of the host that both see (fifo(7)); Landlock lets a jail write to none, so the control is the
#   host
# expect: exited 0
# control: host
import os

from channel import run

PATH = os.environ["FIFO"]


def send():
    fd = os.open(PATH, os.O_RDWR | os.O_NONBLOCK)
    os.write(fd, b"1")
    return fd


def receive(_):
    return os.read(os.open(PATH, os.O_RDWR | os.O_NONBLOCK), 1) == b"1"


run(send, receive)
