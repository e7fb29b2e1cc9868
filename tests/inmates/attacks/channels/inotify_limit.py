# what: how many inotify instances are left: the kernel counts them up to the host's user (user.max_inotify_instances
#   in namespaces(7))
# expect: exited 0
import ctypes

from channel import run

libc = ctypes.CDLL(None, use_errno=True)


def take_all():
    taken = 0
    while taken < 4096 and libc.inotify_init1(0) >= 0:
        taken += 1
    return taken


run(take_all, lambda _: libc.inotify_init1(0) < 0)
