# what: asks name servers, of resolv.conf and known ones, and multicast (resolv.conf(5))
# expect: exited 0
# stdout: contained
# with: network=gateway
import socket

query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04exfil\x07example\0\0\x01\0\x01"
for server in ("127.0.0.53", "127.0.0.1", "8.8.8.8", "224.0.0.251", "255.255.255.255"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.3)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(query, (server, 53))
        s.recv(512)
        raise SystemExit("ESCAPED: %s answered" % server)
    except OSError as e:
        print(server, e)
try:
    socket.getaddrinfo("example.com", 80)
    raise SystemExit("ESCAPED: a name was resolved")
except OSError as e:
    print(e)
print("contained")
