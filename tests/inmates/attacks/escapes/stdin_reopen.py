# what: gets from what it inherited to something better: writes to stdin, reads stdout, opens the pipes anew (pipe(7))
# expect: exited 0
# stdout: contained
# with: proc
import fcntl
import os
import stat

for fd in (0, 1, 2):
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise SystemExit("ESCAPED: descriptor %d is of mode %o" % (fd, mode))
for fd, act in ((0, lambda: os.write(0, b"x")), (1, lambda: os.read(1, 1)), (2, lambda: os.read(2, 1))):
    try:
        if os.fstat(fd).st_rdev != os.makedev(1, 3) and act():
            raise SystemExit("ESCAPED: descriptor %d goes both ways" % fd)
    except OSError as e:
        print(fd, e.strerror)
for fd in (1, 2):  # a reader of its own could take what it wrote back, or what others wrote
    try:
        os.open("/proc/self/fd/%d" % fd, os.O_RDONLY | os.O_NONBLOCK)
        print("reads its own output: a pipe is its own")
    except OSError as e:
        print(fd, e.strerror)
    try:
        fcntl.fcntl(fd, 1031, 1 << 30)  # F_SETPIPE_SZ
        raise SystemExit("ESCAPED: a pipe of a gigabyte")
    except OSError as e:
        print(fd, e.strerror)
print("contained")
