# what: a System V shared memory segment with a known key (shmget(2))
# expect: exited 0
import ctypes

from channel import run

libc = ctypes.CDLL(None, use_errno=True)
KEY, CREATE = 0x1A2A4E7, 0o1666


run(lambda: libc.shmget(KEY, 4096, CREATE), lambda _: libc.shmget(KEY, 4096, 0) >= 0)
