# what: reads in its mount table what the host is made of, and finds something writable there (proc_pid_mountinfo(5))
# expect: exited 0
# stdout: contained
# with: proc, volume, tmp=1M
import os

writable = {"/volume", "/tmp", "/proc"}
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    place, flags = fields[4], fields[5].split(",")
    print(line.strip())
    if place not in writable and "ro" not in flags:
        raise SystemExit("ESCAPED: writable mount at " + place)
    if "nosuid" not in flags:
        raise SystemExit("ESCAPED: setuid counts at " + place)
    if "nodev" not in flags and not place.startswith("/dev/"):
        raise SystemExit("ESCAPED: devices count at " + place)
    if "shared:" in line or "master:" in line:
        raise SystemExit("ESCAPED: mounts propagate at " + place)
    if "/run/lazaret-jailer" in place or place.startswith(("/work", "/home", "/root")):
        raise SystemExit("ESCAPED: a path of the host, " + place)
for root, folders, _ in os.walk("/"):
    if root.startswith("/proc") or root.count("/") > 3:
        folders.clear()
    if os.access(root, os.W_OK) and not any(root == w or root.startswith(w + "/") for w in writable):
        raise SystemExit("ESCAPED: may write in " + root)
print("contained")
