"""An Internet of its own for a test: this process moves into a fresh network namespace, whose only way out leads to a
second one, in which everybody of the world lives. Its addresses look public, so that the relay's rules hold as they are.

    service's host (here)  10.9.0.2, 2620:9::2  ──veth──  10.9.0.1, 2620:9::1  world: web, names, evil neighbours
"""
import atexit
import ctypes
import os
import socket
import struct
import subprocess
import sys
import threading

CLONE_NEWNET = 0x40000000
WEB, WEB6, NAMES, SILENT = "93.184.216.34", "2606:2800::1", "9.9.9.9", "93.184.216.99"
NEIGHBOUR = "198.100.7.9"  # public by its number, and on a network that the service's host is directly on
HOST_PUBLIC = "198.100.7.2"  # the service's host itself
NAMES_OF_THE_WORLD = {
    "web.example": [WEB], "six.example": [WEB6], "registry.example": [WEB], "inside.example": ["10.9.0.1"],
    "loop.example": ["127.0.0.1"], "meta.example": ["169.254.169.254"], "mixed.example": [WEB, "192.168.1.1"],
    "mapped.example": ["::ffff:127.0.0.1"], "nat.example": ["64:ff9b::7f00:1"], "home.example": [HOST_PUBLIC],
}


def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def enter():
    """Call before any thread is started; returns the world's process, which ends with this one."""
    unshare()
    ip("link", "set", "lo", "up")
    world = subprocess.Popen([sys.executable, "-B", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(world.kill)
    assert world.stdout.readline() == "apart\n"
    ip("link", "add", "out", "type", "veth", "peer", "name", "in", "netns", str(world.pid))
    for address in ("10.9.0.2/24", HOST_PUBLIC + "/24"):
        ip("addr", "add", address, "dev", "out")
    ip("addr", "add", "2620:9::2/64", "dev", "out", "nodad")
    ip("link", "set", "out", "up")
    world.stdin.write("joined\n")
    world.stdin.flush()
    assert world.stdout.readline() == "ready\n"
    ip("route", "add", "default", "via", "10.9.0.1")
    ip("-6", "route", "add", "default", "via", "2620:9::1")
    return world


def serve(address, port, talk):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, port), family=family, backlog=512)

    def run():
        while True:
            threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
    threading.Thread(target=run, daemon=True).start()


def web(client):
    """`echo` gives back what it gets; `flood` sends for ever; anything else is answered with where we are."""
    with client:
        try:
            word = client.recv(100)
            if word == b"echo":
                while some := client.recv(1 << 16):
                    client.sendall(some)
            elif word == b"flood":
                while True:
                    client.sendall(bytes(1 << 16))
            elif word == b"sink":
                threading.Event().wait()
            else:
                client.sendall(("%s %d from %s" % (*client.getsockname()[:2], client.getpeername()[0])).encode())
        except OSError:
            pass


def names():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((NAMES, 53))
    asked = {}
    while True:
        message, client = server.recvfrom(4096)
        at, labels = 12, []
        while size := message[at]:
            labels.append(message[at + 1:at + 1 + size].decode())
            at += 1 + size
        name, (kind, _) = ".".join(labels), struct.unpack_from("!HH", message, at + 1)
        found = list(NAMES_OF_THE_WORLD.get(name, []))
        if name == "rebind.example":  # public when it is first asked for, then ours
            asked[name] = asked.get(name, 0) + 1
            found = [WEB] if asked[name] == 1 else ["127.0.0.1"]
        wanted = [a for a in found if (":" in a) == (kind == 28)]
        known = found or name in NAMES_OF_THE_WORLD
        answer = message[:2] + struct.pack("!HHHHH", 0x8180 | (0 if known else 3), 1, len(wanted), 0, 0) + message[12:at + 5]
        for one in wanted:
            data = socket.inet_pton(socket.AF_INET6 if kind == 28 else socket.AF_INET, one)
            answer += struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(data)) + data
        forged = struct.pack("!H", (struct.unpack("!H", message[:2])[0] + 1) % 65536) + answer[2:]
        server.sendto(forged, client)  # nobody's answer comes first
        server.sendto(answer, client)


def main():
    unshare()
    print("apart", flush=True)
    assert sys.stdin.readline() == "joined\n"
    ip("link", "set", "lo", "up")
    ip("link", "set", "in", "up")
    for address in ("10.9.0.1/24", NEIGHBOUR + "/24"):
        ip("addr", "add", address, "dev", "in")
    ip("addr", "add", "2620:9::1/64", "dev", "in", "nodad")
    for address in (WEB, NAMES, "169.254.169.254", "10.1.1.1", "168.63.129.16"):
        ip("addr", "add", address + "/32", "dev", "lo")
    ip("addr", "add", WEB6 + "/128", "dev", "lo", "nodad")
    ip("route", "add", "blackhole", SILENT)
    for address in (WEB, WEB6, NEIGHBOUR, "10.9.0.1", "169.254.169.254", "10.1.1.1", "168.63.129.16", "2620:9::1"):
        for port in (25, 80, 443, 8080):
            serve(address, port, web)
    threading.Thread(target=names, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
