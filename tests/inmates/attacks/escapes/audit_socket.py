# what: replaces, reads or overhears the channel to the outside that it is given (unix(7))
# expect: exited 0
# stdout: contained
import os
import socket

for path in ("/run/lazaret/audit.sock", "/run/lazaret", "/run"):
    for act in (os.unlink, os.rmdir, lambda p: os.rename(p, p + "x"), lambda p: os.chmod(p, 0o777)):
        try:
            act(path)
            raise SystemExit("ESCAPED: changed " + path)
        except OSError as e:
            print(path, e.strerror)
for name in (b"\0lazaret", b"\0lazaret-jailer", "/run/lazaret-jailer/socket", "/run/lazaret/jailer.sock"):
    for kind in (socket.SOCK_SEQPACKET, socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            socket.socket(socket.AF_UNIX, kind).connect(name)
            raise SystemExit("ESCAPED: connected to %r" % name)
        except OSError as e:
            print(name, e.strerror)
print("contained")
