# what: an abstract unix socket, which lives in the network namespace (unix(7))
# expect: exited 0
import socket

from channel import run

NAME = "\0lazaret-channel"


def listen():
    s = socket.socket(socket.AF_UNIX)
    s.bind(NAME)
    s.listen()
    return s


run(listen, lambda _: socket.socket(socket.AF_UNIX).connect(NAME) is None)
