# what: forks in every child until the pids limit refuses (fork(2), EAGAIN)
# expect: exited 0
# stdout: refused
# with: pids=24, memory=128M, wall=10s
import os
import signal

first = os.getpid()
for count in range(5000):
    try:
        if os.fork() == 0 and count > 3:
            signal.pause()
    except BlockingIOError:
        break
else:
    print("UNLIMITED")
if os.getpid() != first:
    signal.pause()
print("refused", flush=True)
