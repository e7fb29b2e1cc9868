# what: a System V message queue with a known key (msgget(2))
# expect: exited 0
import ctypes

from channel import run

libc = ctypes.CDLL(None, use_errno=True)
KEY, CREATE = 0x1A2A4E7, 0o1666


run(lambda: libc.msgget(KEY, CREATE), lambda _: libc.msgget(KEY, 0) >= 0)
