# what: waiting and waking on a page of a file that both map: the kernel knows the address by the file's inode, for who
#   may only read it too (futex(2), get_futex_key() in kernel/futex)
# expect: exited 0
import ctypes
import mmap
import os
import threading
import time

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
FUTEX, WAIT, WAKE = 202, 0, 1


def word():
    fd = os.open(PATH, os.O_RDONLY)
    address = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    return address, ctypes.c_uint32.from_address(address).value


def wait():
    address, value = word()
    woken = []
    patience = (ctypes.c_long * 2)(10, 0)
    waiter = threading.Thread(
        target=lambda: woken.append(libc.syscall(FUTEX, ctypes.c_void_p(address), WAIT, value, patience, None, 0)))
    waiter.start()
    return waiter, woken


def send():
    address, _ = word()
    for _ in range(200):  # until somebody waits
        if libc.syscall(FUTEX, ctypes.c_void_p(address), WAKE, 1 << 30, None, None, 0) > 0:
            return
        time.sleep(0.01)


def receive(state):
    waiter, woken = state
    waiter.join()
    return woken == [0]


run(send, receive, wait)
