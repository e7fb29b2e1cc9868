# what: becomes a daemon by fork, setsid, fork, and goes on after its parent (daemon(7))
# expect: exited 0
# stdout: left
import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(3600)
    os._exit(0)
print("left")
