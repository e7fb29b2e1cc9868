"""A WebSocket client that does what no library would: says nothing, reads nothing, breaks the rules (RFC 6455)."""
import base64
import contextlib
import json
import os
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class RawWebSocket(contextlib.AbstractContextManager):
    def __init__(self, service, token=None, headers=(), receive_buffer=None, path="/v1/execute/stream", source=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(20)
        self.socket.connect((service.host, service.port))
        lines = [f"GET {path} HTTP/1.1", f"Host: {service.host}:{service.port}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        self.socket.sendall("\r\n".join([*lines, *headers, "", ""]).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        self.head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.status = int(self.head.split()[1])

    def __exit__(self, *exc):
        self.socket.close()

    def more(self):
        some = self.socket.recv(65536)
        if not some:
            raise EOFError
        self.buffer += some

    def frame(self, payload, opcode=TEXT, fin=True, mask=True, reserved=0, length=None):
        payload = payload.encode() if isinstance(payload, str) else payload
        size = len(payload) if length is None else length
        head = bytes([fin << 7 | reserved << 4 | opcode])
        masked = 0x80 if mask else 0
        if size < 126:
            head += bytes([masked | size])
        elif size < 1 << 16:
            head += bytes([masked | 126]) + struct.pack(">H", size)
        else:
            head += bytes([masked | 127]) + struct.pack(">Q", size)
        if not mask:
            return head + payload
        key = b"\1\2\3\4"
        return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload)) if payload else head + key

    def send(self, payload, **how):
        self.socket.sendall(self.frame(json.dumps(payload) if isinstance(payload, dict) else payload, **how))

    def read(self, size):
        while len(self.buffer) < size:
            self.more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def receive(self):
        """(opcode, payload) of one frame, the message's parts joined."""
        whole, kind = b"", None
        while True:
            first, second = self.read(2)
            size = second & 0x7f
            if size == 126:
                size, = struct.unpack(">H", self.read(2))
            elif size == 127:
                size, = struct.unpack(">Q", self.read(8))
            payload = self.read(size)
            if first & 0xf >= CLOSE:
                return first & 0xf, payload
            kind = kind or first & 0xf
            whole += payload
            if first & 0x80:
                return kind, whole

    def message(self, *, answers_pings=True):
        """The next message as JSON; of a close, its code."""
        while True:
            kind, payload = self.receive()
            if kind == PING:
                if answers_pings:
                    self.socket.sendall(self.frame(payload, opcode=PONG))
                continue
            if kind == PONG:
                continue
            if kind == CLOSE:
                return struct.unpack(">H", payload[:2])[0] if payload else 1005
            return json.loads(payload)

    def until(self, kind):
        while True:
            said = self.message()
            if isinstance(said, int) or said["type"] == kind:
                return said
