"""A receiver of webhooks for tests: answers as it is told and keeps what it got.

    /usr/bin/python3 webhook_sink.py FOLDER ANSWER...

An ANSWER is `STATUS`, `STATUS;Header=value;...`, `STATUS;body=text` or `hang` (takes the request, never answers) or `drop`
(closes without an answer); the n-th request gets the n-th, later ones the last. Prints its port in one line and serves
until standard input ends. The n-th request (from 0) is kept as FOLDER/n.json (`path`, `headers`, `parts`: name, filename,
type, size) and its parts' contents as FOLDER/n.NAME.
"""
import email.parser
import email.policy
import http.server
import json
import pathlib
import sys
import threading

FOLDER = pathlib.Path(sys.argv[1])
ANSWERS = sys.argv[2:] or ["200"]
lock = threading.Lock()
count = 0
release = threading.Event()


def read_body(handler):
    if "chunked" not in handler.headers.get("Transfer-Encoding", ""):
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    body = b""
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


def parts_of(headers, body, number):
    whole = b"Content-Type: " + headers.get("Content-Type", "").encode() + b"\r\n\r\n" + body
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(whole)
    kept = []
    for part in message.iter_parts() if message.is_multipart() else []:
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        (FOLDER / f"{number}.{name}").write_bytes(content)
        kept.append({"name": name, "filename": part.get_filename(), "type": part.get_content_type(), "size": len(content)})
    return kept


class sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global count
        with lock:
            number = count
            count += 1
        body = read_body(self)
        record = {"path": self.path, "headers": dict(self.headers), "parts": parts_of(self.headers, body, number)}
        draft = FOLDER / f"{number}.tmp"
        draft.write_text(json.dumps(record))
        draft.rename(FOLDER / f"{number}.json")
        status, *more = ANSWERS[min(number, len(ANSWERS) - 1)].split(";")
        if status in ("hang", "drop"):
            if status == "hang":
                release.wait()
            self.close_connection = True
            return
        headers = dict(item.split("=", 1) for item in more)
        text = headers.pop("body", "").encode()
        self.send_response(int(status))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), sink)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
release.set()
server.shutdown()
