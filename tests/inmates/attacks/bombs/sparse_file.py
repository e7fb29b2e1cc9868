# what: makes files that seem to hold a terabyte (RLIMIT_FSIZE; ftruncate(2), fallocate(2), pwrite(2)), SIGXFSZ ignored
# expect: exited 0
# stdout: refused 4
# with: tmp=8M, memory=64M, wall=10s
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
tera = 1 << 40
refused = 0
fd = os.open("/tmp/sparse", os.O_RDWR | os.O_CREAT)
memory = os.memfd_create("sparse")
for attempt in (
    lambda: os.ftruncate(fd, tera),
    lambda: os.posix_fallocate(fd, 0, tera),
    lambda: os.pwrite(fd, b"x", tera),
    lambda: os.ftruncate(memory, tera),
):
    try:
        attempt()
    except OSError:
        refused += 1
print("refused", refused)
