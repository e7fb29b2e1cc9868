# what: connects to an abstract socket of the host, which no mount namespace hides (unix(7); CVE-2020-15257)
# expect: exited 0
# stdout: contained
import os
import socket

names = [b"\0" + os.environ["BAIT_ABSTRACT"].encode(), b"\0/tmp/.X11-unix/X0", b"\0/containerd-shim/x.sock",
         "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/dev/log"]
for name in names:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            socket.socket(socket.AF_UNIX, kind).connect(name)
            raise SystemExit("ESCAPED: connected to %r" % name)
        except OSError as e:
            print(name, e.strerror)
print("contained")
