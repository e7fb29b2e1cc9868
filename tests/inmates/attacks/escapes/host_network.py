# what: reaches the host's loopback, its addresses, the cloud's metadata and the internet (ip(7))
# expect: exited 0
# stdout: contained
# with: network=gateway
import os
import socket

port = int(os.environ["BAIT_PORT"])
places = [("127.0.0.1", port), ("127.0.0.2", port), ("0.0.0.0", port), ("169.254.169.254", 80), ("192.168.0.1", 80),
          ("10.0.0.1", 80), ("172.17.0.1", port), ("1.1.1.1", 53), ("100.100.100.200", 80)]
for family, suffix in ((socket.AF_INET, ""), (socket.AF_INET6, "::ffff:")):
    for host, number in places + ([("::1", port), ("fe80::1", port)] if suffix else []):
        where = (suffix if "." in host else "") + host
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(1)
        try:
            s.connect((where, number))
            print("ESCAPED: connected to", where, number)
            raise SystemExit(1)
        except OSError as e:
            print(where, number, e)
print("contained")
