# what: whether a file that nobody else reads is in memory (preadv2(2), RWF_NOWAIT; CVE-2019-5489 was the same by
#   mincore(2)); a jail is refused the question, so the control is the host
# expect: exited 0
# control: host
import os

from channel import run

PATH = os.environ["COLD_FILE"]


def send():
    with open(PATH, "rb") as file:
        file.read()


def receive(_):
    with open(PATH, "rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], 1 << 20, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False


run(send, receive)
