# what: a daemon that stands in the volume, holds deleted files of it open, mapped and locked
# expect: exited 0
# stdout: held
# with: volume
import fcntl
import mmap
import os
import signal

os.mkdir("/volume/deep")
os.chdir("/volume/deep")
file = open("/volume/deep/file", "w+b")
file.write(b"x" * (1 << 20))
file.flush()
held = mmap.mmap(file.fileno(), 1 << 20)
fcntl.flock(file, fcntl.LOCK_EX)
os.unlink("/volume/deep/file")
os.rmdir("/volume/deep")
if os.fork() == 0:
    os.setsid()
    while True:
        signal.pause()
print("held")
