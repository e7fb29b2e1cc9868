#!/usr/bin/python3
"""A package index that misbehaves on request; standard library only. Prints its port on the first line of stdout.

    hostile_index.py [--tls PEM] [DIR ...]

Files of the DIRs are served honestly: /simple/NAME/ lists those that belong to NAME (PEP 691 when asked for, else PEP
503), /file/FILENAME is the file. Below /bad/<what>/ everything is hostile; /simple/bad-<what>/ lists a file that is.
With --tls a second port, for https with the certificate and key in PEM, stands on the same line.
GET /count/<path> says how often <path> was asked for.
"""
import collections
import hashlib
import http.server
import json
import os
import random
import re
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse

FILES = {}
COUNTS = collections.Counter()
LOCK = threading.Lock()
GOOD = b"honest content\n" * 1000


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def project_of(filename):
    stem = filename.split("-")
    return normalised(stem[0]) if filename.endswith(".whl") else normalised(re.split(r"-(?=\d)", filename)[0])


class handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def plain(self, status, body=b"", kind="text/html", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, data):
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = True

    def do_GET(self):
        path = urllib.parse.unquote(self.path.split("?")[0])
        with LOCK:
            COUNTS[path] += 1
            count = COUNTS[path]
        try:
            self.route(path, count)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def route(self, path, count):
        if path.startswith("/count"):
            return self.plain(200, str(COUNTS[path[len("/count"):]]).encode())
        if path.startswith("/file/"):
            name = path[len("/file/"):]
            if name not in FILES:
                return self.plain(404)
            with open(FILES[name], "rb") as f:
                return self.plain(200, f.read(), "application/octet-stream")
        if path.startswith("/simple/bad-"):
            return self.bad_project(path[len("/simple/bad-"):].rstrip("/"))
        if path.startswith("/simple/"):
            return self.project(path[len("/simple/"):].rstrip("/"))
        if path.startswith("/bad/"):
            what, _, rest = path[len("/bad/"):].partition("/")
            return getattr(self, "bad_" + what.replace("-", "_"), self.unknown)(rest, count)
        return self.plain(404)

    def unknown(self, *_):
        self.plain(404)

    def project(self, name):
        names = sorted(n for n in FILES if project_of(n) == name)
        if not names:
            return self.plain(404)
        rows = []
        for n in names:
            with open(FILES[n], "rb") as f:
                data = f.read()
            rows.append((n, hashlib.sha256(data).hexdigest(), len(data)))
        if "application/vnd.pypi.simple.v1+json" in self.headers.get("Accept", ""):
            body = json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": [
                {"filename": n, "url": "/file/" + n, "hashes": {"sha256": h}, "size": s} for n, h, s in rows]})
            return self.plain(200, body.encode(), "application/vnd.pypi.simple.v1+json")
        body = "".join(f'<a href="../../file/{n}#sha256={h}">{n}</a>\n' for n, h, _ in rows)
        self.plain(200, f"<!DOCTYPE html><html><body>{body}</body></html>".encode())

    def bad_project(self, what):
        """A page whose one file, version 1.0, comes from /bad/<what>/ with the digest of GOOD."""
        project = "bad-" + what
        name = f"{project.replace('-', '_')}-1.0-py3-none-any.whl"
        if what == "garbage":
            return self.plain(200, b"<html><a >" + random.Random(1).randbytes(20000))
        if what == "deep":
            return self.plain(200, b'{"files":' + b"[" * 10000 + b"]" * 10000 + b"}", "application/vnd.pypi.simple.v1+json")
        if what == "endless-page":
            return self.bad_endless("", 1)
        if what == "hanging-page":
            return self.bad_hang("", 1)
        digest = hashlib.sha256(GOOD).hexdigest()
        self.plain(200, f'<html><a href="/bad/{what}/{name}#sha256={digest}">{name}</a></html>'.encode())

    # What a server may do to who asks.
    def bad_hang(self, *_):
        time.sleep(600)

    def bad_hang_midway(self, *_):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
        time.sleep(600)

    def bad_short(self, *_):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + GOOD)

    def bad_long(self, *_):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + GOOD)

    def bad_digest(self, *_):
        self.plain(200, b"something else\n" * 1000, "application/octet-stream")

    def bad_loop(self, rest, count):
        self.plain(302, b"", Location=f"/bad/loop/{count % 2}")

    def bad_hops(self, rest, _):
        n = int(rest)
        self.plain(200, GOOD) if n == 0 else self.plain(302, b"", Location=f"/bad/hops/{n - 1}")

    def bad_to(self, rest, _):
        """Redirects to whatever follows, e.g. /bad/to/file:///etc/passwd."""
        self.plain(302, b"", Location=rest)

    def bad_endless(self, *_):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        block = b"\0" * (1 << 20)
        for _ in range(5 * 1024):
            self.wfile.write(block)
        self.close_connection = True

    def bad_announced(self, *_):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5368709120\r\n\r\n")
        block = b"\0" * (1 << 20)
        for _ in range(5 * 1024):
            self.wfile.write(block)
        self.close_connection = True

    def bad_drip(self, *_):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def bad_once(self, _, count):
        """500 the first time, then good."""
        self.plain(500) if count == 1 else self.plain(200, GOOD)

    def bad_busy(self, _, count):
        self.plain(429, Retry_After="1") if count == 1 else self.plain(200, GOOD)

    def bad_always(self, rest, _):
        self.plain(int(rest.split("/")[0]))

    def bad_reset(self, *_):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def bad_headers(self, *_):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.wfile.write(b"X-Filler: " + b"y" * 1000 + b"\r\n")

    def bad_nothing(self, *_):
        self.raw(b"")

    def bad_nonsense(self, *_):
        self.raw(os.urandom(3000))

    def bad_slow_good(self, *_):
        """Good, but takes half a second: for two who want the same at once."""
        time.sleep(0.5)
        self.plain(200, GOOD)

    def bad_gzip_bomb(self, *_):
        import zlib
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        body = b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(200)) + packer.flush()
        self.plain(200, body, Content_Encoding="gzip")


class server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # clients that hang up are the point


def main():
    folders = sys.argv[1:]
    secure = None
    if folders[:1] == ["--tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folders[1])
        secure = server(("127.0.0.1", 0), handler)
        secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=secure.serve_forever, daemon=True).start()
        folders = folders[2:]
    for folder in folders:
        for name in os.listdir(folder):
            FILES[name] = os.path.join(folder, name)
    with server(("127.0.0.1", 0), handler) as s:
        ports = [str(s.server_address[1])] + ([str(secure.server_address[1])] if secure else [])
        os.write(1, (" ".join(ports) + "\n").encode())  # at once: print() may write the line in pieces
        s.serve_forever()


if __name__ == "__main__":
    main()
