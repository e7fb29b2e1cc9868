# what: links in circles and in chains of forty, and more links than there are inodes (path_resolution(7))
# expect: exited 0
# stdout: refused
# with: volume, memory=64M, wall=15s
import os

os.chdir("/volume")
os.symlink("a", "b")
os.symlink("b", "a")
try:
    open("a")
    print("UNLIMITED: a circle was followed")
except OSError:
    pass
os.symlink("/volume", "up")
try:
    os.stat("up/" * 60)
    print("UNLIMITED: sixty links in a path")
except OSError:
    pass
try:
    for n in range(20000):
        os.symlink("x" * 4000, f"link{n}")
    print("UNLIMITED", n)
except OSError as e:
    print("refused", n, e)
