# what: a record lock for reading, which F_GETLK shows to others (fcntl(2)); OFD locks likewise
# expect: exited 0
import fcntl
import os
import struct

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")

F_OFD_GETLK, F_OFD_SETLK = 36, 37


def lock(kind, start):
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, start, 1, 0)


def send():
    file = open(PATH, "rb")
    fcntl.fcntl(file, fcntl.F_SETLK, lock(fcntl.F_RDLCK, 0))
    fcntl.fcntl(file, F_OFD_SETLK, lock(fcntl.F_RDLCK, 8))
    return file


def receive(_):
    with open(PATH, "rb") as file:
        for command, start in ((fcntl.F_GETLK, 0), (F_OFD_GETLK, 8)):
            answer = fcntl.fcntl(file, command, lock(fcntl.F_WRLCK, start))
            if struct.unpack("hhqqi4x", answer)[0] != fcntl.F_UNLCK:
                return True
    return False


run(send, receive)
