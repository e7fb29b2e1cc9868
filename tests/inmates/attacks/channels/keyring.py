# what: a key in the user's and in the session's keyring (keyrings(7)); a jail may not use them, so the control is the
#   host
# expect: exited 0
# control: host
import ctypes

from channel import run

libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, REQUEST_KEY, KEYCTL = 248, 249, 250
RINGS = (-3, -4, -5)  # session, user, user session


def send():
    for ring in RINGS:
        libc.syscall(ADD_KEY, b"user", b"lazaret-channel", b"1", 1, ring)


def receive(_):
    return any(libc.syscall(KEYCTL, 10, ring, b"user", b"lazaret-channel", 0) >= 0 for ring in RINGS)


run(send, receive)
