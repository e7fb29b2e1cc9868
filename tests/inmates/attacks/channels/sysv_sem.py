# what: a System V semaphore with a known key (semget(2))
# expect: exited 0
import ctypes

from channel import run

libc = ctypes.CDLL(None, use_errno=True)
KEY, CREATE = 0x1A2A4E7, 0o1666


run(lambda: libc.semget(KEY, 1, CREATE), lambda _: libc.semget(KEY, 1, 0) >= 0)
