# what: uses names and paths as long as they come, with bytes that are no text, newlines and terminal escapes
# expect: exited 0
# stdout: refused
# with: volume, memory=64M, wall=10s
import errno
import os

os.chdir("/volume")
for name in (b"\xff" * 255, b"a\nb\x1b[2J\x1b]0;x\x07", b"-rf", b"\xe2\x80\xae" * 85, b"*", b" "):
    os.mkdir(name)
too_long = 0
for name in (b"x" * 256, b"y/" * 2048 + b"z"):
    try:
        os.mkdir(name)
    except OSError:
        too_long += 1
os.chdir(b"\xff" * 255)
for _ in range(60):  # a path of 15 KiB, which no getcwd(2) can tell
    os.mkdir(b"n" * 255)
    os.chdir(b"n" * 255)
try:
    os.stat(b"/volume" + (b"/" + b"n" * 255) * 60)
except OSError as e:
    too_long += e.errno == errno.ENAMETOOLONG
print("refused" if too_long == 3 else "UNLIMITED", too_long)
