# what: looks for devices besides the five harmless ones, and writes to those (null(4), random(4))
# expect: exited 0
# stdout: contained
import os

expected = {"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"}
extra = set(os.listdir("/dev")) - expected
if extra:
    raise SystemExit("ESCAPED: %s" % extra)
for place, folders, files in os.walk("/"):
    if place.startswith("/proc"):
        folders.clear()
        continue
    for name in files:
        try:
            mode = os.lstat(os.path.join(place, name)).st_mode
        except OSError:
            continue
        if mode & 0o170000 in (0o060000, 0o020000) and place != "/dev":
            raise SystemExit("ESCAPED: a device at %s/%s" % (place, name))
    if place.count("/") > 2:
        folders.clear()
import fcntl
with open("/dev/urandom", "rb") as entropy:
    for request in (0x40045201, 0x5204, 0x5206, 0x5207):  # RNDADDTOENTCNT, RNDZAPENTCNT, RNDCLEARPOOL, RNDRESEEDCRNG
        try:
            fcntl.ioctl(entropy, request, b"\0" * 8)
            raise SystemExit("ESCAPED: ioctl %x on urandom" % request)
        except OSError as e:
            print(hex(request), e.strerror)
for name in expected - {"fd", "stdin", "stdout", "stderr"}:
    for act in (lambda p: os.chmod(p, 0o777), os.unlink, lambda p: os.rename(p, "/dev/x")):
        try:
            act("/dev/" + name)
            raise SystemExit("ESCAPED: changed /dev/" + name)
        except OSError as e:
            print(name, e.strerror)
print("contained")
