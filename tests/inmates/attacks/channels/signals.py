# what: signals to everybody and to the owner of a descriptor (kill(2))
# expect: exited 0
import os
import signal

from channel import run

heard = []


def prepare():
    signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))


def send():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    for pid in range(2, 4000):
        if pid != os.getpid():
            try:
                os.kill(pid, signal.SIGUSR1)
            except OSError:
                continue


signal.signal(signal.SIGUSR1, signal.SIG_IGN)
run(send, lambda _: bool(heard), prepare)
