# what: extended attributes of a file that both see (xattr(7))
# expect: exited 0
# with: tmp=1M
# control: own file
import fcntl
import os

from channel import run

PATH = os.environ.get("CHANNEL_FILE", "/usr/bin/true")

if PATH.startswith("/tmp"):
    open(PATH, "w").close()

run(lambda: os.setxattr(PATH, "user.lazaret", b"1"), lambda _: "user.lazaret" in os.listxattr(PATH))
