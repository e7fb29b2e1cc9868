# what: a daemon that keeps stdout and stderr open and writes to them after the program's end
# expect: exited 0
# stdout: program
import os
import time

if os.fork() == 0:
    os.setsid()
    while True:
        os.write(1, b".")
        os.write(2, b".")
        time.sleep(0.01)
time.sleep(0.05)
print("program", flush=True)
