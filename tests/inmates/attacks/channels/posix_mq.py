# what: a POSIX message queue with a known name (mq_overview(7)); a jail may hold none at all, so the control is the
#   host
# expect: exited 0
# control: host
import ctypes

from channel import run

libc = ctypes.CDLL(None, use_errno=True)
NAME = b"/lazaret-channel"


def receive(_):
    found = libc.mq_open(NAME, 0) >= 0
    libc.mq_unlink(NAME)
    return found


run(lambda: libc.mq_open(NAME, 0o102, 0o666, None), receive)
