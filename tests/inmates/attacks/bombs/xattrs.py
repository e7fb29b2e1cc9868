# what: hides memory in extended attributes of tmpfs files, which no limit counts (xattr(7), security.*;
#   free for all where the BPF security module answers first, as on Debian's 6.1)
# expect: exited 0
# stdout: contained
# with: memory=64M, volume, wall=10s
import os

kept = 0
value = bytes(60000)
for number in range(100):
    path = f"/volume/{number}"
    try:
        open(path, "x").close()
    except OSError:
        break
    for space in ("security.lazaret", "user.lazaret"):
        for n in range(500):
            try:
                os.setxattr(path, f"{space}{n}", value)
                kept += len(value)
            except OSError:
                break
if kept:
    raise SystemExit(f"ESCAPED: {kept} bytes in attributes")
print("contained")
