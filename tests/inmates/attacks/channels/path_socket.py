# what: a unix socket with a path (unix(7))
# expect: exited 0
# with: tmp=1M, volume
import socket

from channel import run

PLACES = ["/tmp/channel", "/volume/channel", "/run/channel", "/dev/channel", "/inmates/channel"]


def listen():
    kept = []
    for path in PLACES:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.bind(path)
        except OSError:
            continue
        s.listen()
        kept.append(s)
    return kept


def connects(path):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        return True
    except OSError:
        return False


run(listen, lambda _: any(connects(p) for p in PLACES))
