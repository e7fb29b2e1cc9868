# what: hides memory in extended attributes of tmpfs files, which no file size counts (xattr(7), security.*)
# expect: exited 0 | out_of_memory
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
if kept > 100 << 20:
    raise SystemExit(f"ESCAPED: {kept >> 20} MiB in attributes under a limit of 64 MiB")
