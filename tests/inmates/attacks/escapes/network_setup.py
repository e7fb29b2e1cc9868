# what: gives itself addresses, routes and devices (netdevice(7))
# expect: exited 0
# stdout: contained
import fcntl
import socket
import struct

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
address = struct.pack("<16sHH4s8x", b"lo", socket.AF_INET, 0, socket.inet_aton("10.1.2.3"))
requests = {"SIOCSIFADDR": (0x8916, address), "SIOCSIFFLAGS": (0x8914, struct.pack("<16sH14x", b"lo", 0x41)),
            "SIOCSIFHWADDR": (0x8924, address), "SIOCADDRT": (0x890B, bytes(120)), "SIOCETHTOOL": (0x8946, address),
            "SIOCBRADDBR": (0x89A0, b"br0".ljust(16, b"\0"))}
for name, (number, argument) in requests.items():
    try:
        fcntl.ioctl(s, number, argument)
        raise SystemExit("ESCAPED: " + name)
    except OSError as e:
        print(name, e.strerror)
for option in (36, 25, 32):  # SO_MARK, SO_BINDTODEVICE, SO_SNDBUFFORCE
    try:
        s.setsockopt(socket.SOL_SOCKET, option, struct.pack("<i", 1 << 30) if option != 25 else b"eth0")
        raise SystemExit("ESCAPED: socket option %d" % option)
    except OSError as e:
        print(option, e.strerror)
try:
    s.setsockopt(socket.SOL_IP, 64, bytes(84))  # IPT_SO_SET_REPLACE (CVE-2021-22555)
    raise SystemExit("ESCAPED: IPT_SO_SET_REPLACE")
except OSError as e:
    print(e.strerror)
print("contained")
