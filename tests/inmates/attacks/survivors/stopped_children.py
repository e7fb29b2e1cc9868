# what: leaves children behind that are stopped, in other process groups and sessions
# expect: exited 0
import os
import signal

for n in range(10):
    child = os.fork()
    if child == 0:
        if n % 2:
            os.setsid()
        else:
            os.setpgid(0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        signal.pause()
    os.waitpid(child, os.WUNTRACED)
