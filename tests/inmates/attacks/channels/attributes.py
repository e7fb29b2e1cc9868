# what: extended attributes of a file that both see (xattr(7))
# expect: exited 0
# with: tmp=1M
# control: host
import os
import struct

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")

if PATH.startswith("/tmp"):
    open(PATH, "w").close()

ACL = "system.posix_acl_access"  # before Linux 6.6 a tmpfs knows no user.*
ENTRIES = [(1, 6, -1), (2, 7, os.getuid()), (4, 4, -1), (0x10, 7, -1), (0x20, 4, -1)]  # for one more user


def send():
    try:
        os.setxattr(PATH, "user.lazaret", b"1")
    except OSError:
        os.setxattr(PATH, ACL, struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in ENTRIES))


run(send, lambda _: bool({"user.lazaret", ACL} & set(os.listxattr(PATH))))
