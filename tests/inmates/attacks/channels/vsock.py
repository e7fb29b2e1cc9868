# what: a vsock port, which no network namespace divides (vsock(7)); a jail gets no such socket, so the control is
#   that the host gets one
# expect: exited 0
# control: host
import socket

from channel import run

# Any connection needs a transport, which this host may not have; the family itself it has.
run(lambda: socket.socket(40, socket.SOCK_STREAM), lambda _: socket.socket(40, socket.SOCK_STREAM) is not None)
