# what: looks for a terminal that would outlive it, and leads sessions of its own (credentials(7))
# expect: exited 0
# stdout: no terminal
import os

try:
    os.open("/dev/tty", os.O_RDWR)
    print("a terminal")
except OSError:
    print("no terminal", flush=True)
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
        while True:
            os.read(os.pipe()[0], 1)
