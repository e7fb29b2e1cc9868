# what: a file in a place that programs share by custom: /dev/shm, /tmp, /var/tmp, /run (shm_overview(7))
# expect: exited 0
# with: tmp=1M, volume
import os

from channel import run

places = [p + "/lazaret-channel" for p in ("/dev/shm", "/tmp", "/var/tmp", "/run", "/volume", "/run/lock")]


def write(path):
    with open(path, "w") as file:
        file.write("1")


def send():
    for path in places:
        try:
            write(path)
        except OSError:
            continue


run(send, lambda _: any(os.path.exists(p) for p in places))
