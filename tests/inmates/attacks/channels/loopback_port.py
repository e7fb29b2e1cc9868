# what: a port of the loopback, open or taken (ip(7))
# expect: exited 0
# with: network=gateway
import socket

from channel import run


def listen():
    s = socket.create_server(("127.0.0.1", 5999))
    return s, socket.create_server(("127.0.0.2", 5998))


def receive(_):
    try:
        socket.create_connection(("127.0.0.1", 5999), 1)
        return True
    except OSError:
        pass
    try:
        socket.create_server(("127.0.0.2", 5998))
        return False
    except OSError:
        return True


run(listen, receive)
