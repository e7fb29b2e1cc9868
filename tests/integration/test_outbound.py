"""Network mode `outbound` with an Internet of the test's own: what a jail reaches, and what it never does."""
import json
import os
import pathlib
import socket
import threading
import time
import unittest

import support
import world


def setUpModule():
    global service, internet
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer, and the test makes network namespaces")
    internet = world.enter()
    service = support.Service("http://127.0.0.1:1/simple", HOST="0.0.0.0", ALLOW_OUTBOUND="true",
                              DNS_RESOLVERS=world.NAMES, OUTBOUND_MAX_MB=64, OUTBOUND_MAX_CONNECTIONS=8,
                              INTERACTIVE_CONCURRENCY=3, INTERACTIVE_WAIT_SEC=60, EXECUTE_MAX_WALL_SEC=120)
    service.host = "127.0.0.1"


def tearDownModule():
    service.__exit__(None, None, None)
    internet.kill()


TOOLS = """
import errno, socket, sys
def ask(host, port=80, word=b'?', wait=10):
    try:
        with socket.create_connection((host, port), wait) as s:
            s.sendall(word)
            return s.recv(999).decode() or 'closed'
    except socket.gaierror as e: return 'no such name' if e.errno == socket.EAI_NONAME else 'EAI %d' % e.errno
    except socket.timeout: return 'timeout'
    except OSError as e: return errno.errorcode[e.errno]
"""


def execute(source, network="outbound", **fields):
    status, answer, _ = service.request("POST", "/v1/execute", {
        "runtime": "python", "source": TOOLS + source, "network": network,
        "limits": {"wall_ms": 60000, **fields.pop("limits", {})}, **fields}, timeout=90)
    assert status == 200, (status, answer)
    assert answer["stderr"] == "", answer["stderr"]
    return answer["stdout"]


def metric(name):
    text = service.request("GET", "/metrics")[1]
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + " "))


def connections(outcome):
    return metric('lazaret_relay_connections_total{outcome="%s"}' % outcome)


class Outbound(unittest.TestCase):
    def test_the_world_is_reached_by_address_and_by_name(self):
        before = connections("relayed")
        out = execute(f"""
for host in ('{world.WEB}', '{world.WEB6}', 'web.example', 'WEB.example', 'six.example'): print(ask(host))
print(ask('web.example', 8080))
""")
        v4, v6 = f"{world.WEB} 80 from 10.9.0.2\n", f"{world.WEB6} 80 from 2620:9::2\n"
        self.assertEqual(out, v4 + v6 + v4 + v4 + v6 + f"{world.WEB} 8080 from 10.9.0.2\n")
        self.assertEqual(connections("relayed") - before, 6)

    def test_megabytes_come_back_as_they_went_out(self):
        self.assertEqual(execute("""
import hashlib, threading
s = socket.create_connection(('web.example', 80)); s.sendall(b'echo'); import time; time.sleep(.2)
data = bytes(range(256)) * 40000
def send():
    s.sendall(data); s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = b''
while some := s.recv(1 << 16): got += some
print(len(got), got == data)
"""), "10240000 True\n")

    def test_what_a_jail_never_reaches(self):
        """All of these have somebody who would answer: this host, its neighbours, its metadata service."""
        open_port = service.port
        out = execute(f"""
for host in ('127.0.0.1', '::1', '0.0.0.0', '::', '10.9.0.1', '10.9.0.2', '10.1.1.1', '169.254.169.254', '168.63.129.16',
             '{world.HOST_PUBLIC}', '{world.NEIGHBOUR}', '2620:9::1', '2620:9::2', '::ffff:127.0.0.1', '::ffff:10.9.0.2',
             '64:ff9b::a09:2', '2002:a09:2::1', 'fe80::1', '192.0.2.2', '2130706433', '0x7f.1', '017700000001'):
    print(host, {{ask(host, port, wait=5) for port in (80, {open_port})}} <= {{'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EINVAL', 'closed'}})
""")
        self.assertEqual([line for line in out.splitlines() if not line.endswith("True")], [])

    def test_names_that_lead_home_do_not_exist(self):
        self.assertEqual(execute("""
for name in ('inside', 'loop', 'meta', 'mixed', 'mapped', 'nat', 'home', 'nobody'): print(name, ask(name + '.example'))
"""), "".join(f"{n} no such name\n" for n in ("inside", "loop", "meta", "mixed", "mapped", "nat", "home", "nobody")))

    def test_a_name_that_changes_its_address_gains_nothing(self):
        out = execute(f"""
import socket
def look():
    try: return socket.gethostbyname('rebind.example')
    except OSError as e: return 'none'
first = look(); print(first, look()); print(ask(first)); print(ask('127.0.0.1', {service.port}))
""")
        self.assertEqual(out, f"{world.WEB} none\n{world.WEB} 80 from 10.9.0.2\nECONNREFUSED\n")

    def test_questions_that_are_none(self):
        out = execute(r"""
import struct
def put(message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1); s.connect(('192.0.2.53', 53)); s.send(message)
        try: return s.recv(999)
        except OSError as e: return b''
def question(name, kind, of=1):
    return struct.pack('!HHHHHH', 7, 0x100, 1, 0, 0, 0) + b''.join(bytes([len(l)]) + l for l in name.split(b'.')) + b'\0' + struct.pack('!HH', kind, of)
for kind in (1, 28, 16, 12, 255, 65): a = put(question(b'web.example', kind)); print(kind, a[3] & 15, a[7])
good = question(b'web.example', 1)
print([put(bad) for bad in (b'', b'\0', good[:-1], good[:12] + b'\xc0\x0c\0\1\0\1', question(b'a b.example', 1), question(b'web.example', 1, 3),
                            good[:4] + b'\0\2' + good[6:], good[:2] + b'\x80' + good[3:], b'\xff' * 500)])
with socket.create_connection(('192.0.2.53', 53)) as s:
    for _ in range(2): s.sendall(struct.pack('!H', len(good)) + good)
    got = s.recv(99); print(got[2:] == put(good), len(got))
    s.sendall(b'\xff\xff'); print(s.recv(99) if 0 else 'asked too much')
""")
        self.assertEqual(out.splitlines()[:6], ["1 0 1", "28 0 0", "16 0 0", "12 0 0", "255 0 0", "65 0 0"])
        self.assertEqual(out.splitlines()[6], str([b""] * 9))

    def test_mail_and_silent_machines(self):
        before = connections("refused_port"), connections("unreachable")
        self.assertEqual(execute(f"print(ask('{world.WEB}', 25), ask('{world.WEB}', 4444), ask('{world.SILENT}', wait=1), ask('{world.SILENT}', wait=15))"),
                         "ECONNRESET ECONNRESET timeout ECONNRESET\n")
        self.assertEqual(connections("refused_port") - before[0], 1)
        self.assertGreaterEqual(connections("unreachable") - before[1], 1)

    def test_two_jails_do_not_meet(self):
        """A listener in one, on every address that it can bind, is nowhere in the other."""
        listening = threading.Event()
        result = {}

        def listen():
            result["heard"] = execute("""
import select, time
servers = [socket.create_server(('0.0.0.0', 7777)), socket.create_server(('8.8.8.8', 7778))]
print(len(select.select(servers, [], [], 6)[0]))
""")
        thread = threading.Thread(target=listen)
        thread.start()
        time.sleep(1.5)  # the other jail listens by now; were it later, it would still hear the second round
        out = execute("""
import time
for _ in range(3):
    print({ask(a, p, wait=2) for a in ('192.0.2.2', '127.0.0.1', '2001:db8::2') for p in (7777, 7778)}, {ask('8.8.8.8', 7778, wait=1), })
    time.sleep(.7)
""")
        thread.join()
        self.assertEqual(result["heard"], "0\n")
        self.assertNotIn("?", out)
        self.assertEqual({line.split("}")[0] for line in out.splitlines()}, {"{'ECONNREFUSED'"})

    def test_connections_are_bounded_and_end_with_the_jail(self):
        files = lambda: len(os.listdir(f"/proc/{service.process.pid}/fd"))
        before = files()
        peak = [0]
        done = threading.Event()

        def look():
            while not done.wait(0.02):
                peak[0] = max(peak[0], files())
        watcher = threading.Thread(target=look)
        watcher.start()
        out = execute(f"""
import time
all = []
for _ in range(200):
    s = socket.socket(); s.setblocking(False)
    try: s.connect(('{world.WEB}', 80))
    except BlockingIOError: pass
    all.append(s)
time.sleep(2)
print(len(all))
""", limits={"pids": 8})
        done.set()
        watcher.join()
        self.assertEqual(out, "200\n")
        self.assertLess(peak[0] - before, 60)  # eight connections of two sockets, and what a jail takes
        service.until(lambda: files() <= before, 10, "the service's descriptors are closed")

    def test_a_peer_that_never_reads_costs_a_buffer(self):
        def memory():
            text = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
            return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1])
        before = memory()
        out = execute("""
s = [socket.create_connection(('web.example', 80)) for _ in range(4)]
for one in s: one.sendall(b'sink'); one.setblocking(False)
import time
time.sleep(.3); sent = 0
for _ in range(200):
    for one in s:
        try: sent += one.send(bytes(1 << 16))
        except BlockingIOError: time.sleep(.005)
print(sent < 64 << 20)
""")
        self.assertEqual(out, "True\n")
        self.assertLess(memory() - before, 20_000)

    def test_a_jail_ends_at_its_bytes(self):
        before = connections("over_limit")
        out = execute("""
s = socket.create_connection(('web.example', 80)); s.sendall(b'flood'); got = 0
try:
    while some := s.recv(1 << 20): got += len(some)
except ConnectionResetError: print('reset', got <= 64 << 20, got > 60 << 20)
print(ask('web.example'))
""")
        self.assertEqual(out, "reset True True\nECONNRESET\n")
        self.assertEqual(connections("over_limit") - before, 2)

    def test_only_the_hosts_that_were_named(self):
        before = connections("refused_name")
        out = execute(f"""
print(ask('{world.WEB}'), ask('web.example'), ask('six.example')); print(ask('Registry.example'), ask('{world.WEB}'), ask('{world.WEB6}'))
""", hosts=["registry.EXAMPLE", "other.example"])
        found = f"{world.WEB} 80 from 10.9.0.2"
        self.assertEqual(out, f"ECONNRESET no such name no such name\n{found} {found} ECONNRESET\n")
        self.assertEqual(connections("refused_name") - before, 2)

    def test_of_an_execution_that_is_answered_later(self):
        body = {"async": True, "runtime": "python", "source": TOOLS + f"print(ask('registry.example'), ask('web.example'), ask('{world.NEIGHBOUR}'))",
                "network": "outbound", "hosts": ["registry.example"], "limits": {"wall_ms": 60000}}
        status, answer, headers = service.request("POST", "/v1/execute", body)
        self.assertEqual(status, 202, answer)
        done = service.until(lambda: (a := service.request("GET", headers["Location"])[1])["status"] in support.ENDED and a, 60, "it ends")
        self.assertEqual((done["stdout"], done["stderr"]), (f"{world.WEB} 80 from 10.9.0.2 no such name ECONNRESET\n", ""))

    def test_hosts_that_are_none(self):
        for body, detail in [({"network": "none", "hosts": ["a"]}, "hosts: needs `network`: `outbound`"),
                             ({"network": "outbound", "hosts": []}, "hosts: must have 1 to 64 items"),
                             ({"network": "outbound", "hosts": ["a b"]}, "hosts: must hold names of hosts, such as `pypi.org`"),
                             ({"network": "outbound", "hosts": [1]}, "hosts[0]: must be a string"),
                             ({"network": "host"}, "network: must be `none` or `outbound`")]:
            status, answer, _ = service.request("POST", "/v1/execute", {"argv": ["true"], **body})
            self.assertEqual((status, answer["detail"]), (422, detail))

    def test_the_relay_itself_is_no_way_in(self):
        """Its listener stands on every address of the jail, loopback too: connected to without a detour, it is asked for itself."""
        before = connections("refused_address")
        out = execute("""
found = []
for port in range(32768, 61000):
    with socket.socket() as s:
        if s.connect_ex(('127.0.0.1', port)) == 0:
            if s.getsockname()[1] == port: continue  # itself, by a simultaneous open
            try: found.append(s.recv(9))
            except OSError as e: found.append(errno.errorcode[e.errno])
print(found)
""")
        self.assertEqual(out, "['ECONNRESET']\n")
        self.assertEqual(connections("refused_address") - before, 1)

    def test_two_thousand_attempts_and_no_more(self):
        before = connections("over_limit"), connections("refused_port")
        out = execute(f"""
ends = [ask('{world.WEB}', 25) for _ in range(2100)]
print(set(ends) <= {{'ECONNRESET', 'ECONNREFUSED'}}, set(ends[-20:]))
""")
        self.assertEqual(out, "True {'ECONNREFUSED'}\n")
        self.assertEqual((connections("over_limit") - before[0], connections("refused_port") - before[1]), (1, 2048))

    def test_without_network_there_is_none(self):
        out = execute(f"print(ask('{world.WEB}'), ask('web.example'), socket.if_nameindex())", network="none")
        self.assertTrue(out.startswith("ENETUNREACH "), out)
        self.assertTrue(out.endswith("[(1, 'lo')]\n"), out)


def run(source, **fields):
    """The quartermaster's way in; its standard output."""
    status, answer, _ = service.request("POST", "/run", {"code": source, "allow_network": True, "timeout": 60, **fields}, timeout=90)
    assert (status, answer["stderr"]) == (200, ""), (status, answer)
    return answer["stdout"]


def job(source, **spec):
    """The jobs' way in; the lines that the program printed."""
    parts = [('name="spec"', json.dumps({"net_policy": "outbound", **spec})), ('name="code_files"; filename="main.py"', source)]
    body = "".join(f"--limit\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n" for head, text in parts) + "--limit--\r\n"
    status, answer, _ = service.request("POST", "/jobs/sync", body.encode(), headers={"Content-Type": "multipart/form-data; boundary=limit"}, timeout=90)
    assert status == 200 and answer["job"]["status"] == "succeeded", (status, answer)
    return "".join(line + "\n" for line in answer["logs"].splitlines() if not line.startswith("[runner] "))


class OtherFronts(unittest.TestCase):
    """/run with allow_network, and /jobs with net_policy: the same relay, and the same walls."""
    FRONTS = (("/run", run), ("/jobs", job))

    def test_the_world_is_reached_by_address_and_by_name(self):
        for name, front in self.FRONTS:
            before = connections("relayed")
            out = front(TOOLS + f"print(ask('{world.WEB}')); print(ask('web.example', 443)); print(ask('{world.WEB6}')); print(ask('nobody.example'))")
            self.assertEqual(out, f"{world.WEB} 80 from 10.9.0.2\n{world.WEB} 443 from 10.9.0.2\n{world.WEB6} 80 from 2620:9::2\nno such name\n", name)
            self.assertEqual(connections("relayed") - before, 3, name)

    def test_what_goes_and_what_comes_is_whole(self):
        for name, front in self.FRONTS:
            out = front("""
import hashlib, os, socket, threading
data = os.urandom(3 << 20)
with socket.create_connection(('web.example', 80)) as s:
    s.sendall(b'echo'); import time; time.sleep(.3)
    threading.Thread(target=s.sendall, args=(data,)).start()
    got = b''
    while len(got) < len(data): got += s.recv(1 << 16)
print(hashlib.sha256(got).digest() == hashlib.sha256(data).digest())
""")
            self.assertEqual(out, "True\n", name)

    def test_what_a_jail_never_reaches(self):
        closed = "{'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'closed'}"
        for name, front in self.FRONTS:
            out = front(TOOLS + f"""
for host in ('127.0.0.1', '10.9.0.1', '10.9.0.2', '{world.HOST_PUBLIC}', '{world.NEIGHBOUR}', '169.254.169.254', '10.1.1.1', '::1', '2620:9::2', '::ffff:10.9.0.2'):
    print(host, {{ask(host, port, wait=5) for port in (80, {service.port})}} <= {closed})
print('mail', ask('{world.WEB}', 25))
for name in ('inside', 'loop', 'meta', 'mixed', 'home'): print(name, ask(name + '.example') == 'no such name')
""")
            self.assertEqual([line for line in out.splitlines() if not line.endswith("True")], ["mail ECONNRESET"], name)

    def test_without_the_word_there_is_no_network(self):
        look = TOOLS + f"import os\nprint(ask('{world.WEB}'), ask('web.example'), sorted(os.listdir('/sys/class/net')) if os.path.exists('/sys/class/net') else ['lo'])"
        for name, out in (("/run", run(look, allow_network=False)), ("/jobs", job(look, net_policy="none"))):
            self.assertTrue(out.startswith("ENETUNREACH "), (name, out))
            self.assertTrue(out.endswith("['lo']\n"), (name, out))
        self.assertEqual(run("import os; print(sorted(os.listdir('/sys/class/net')))"), "['eth0', 'lo']\n")

    def test_other_languages_have_it_too(self):
        images = {one["id"]: one["available"] for one in service.request("GET", "/images")[1]["images"]}
        sources = {"node": f"const s = require('net').connect(80, 'web.example', () => s.write('?')); s.on('data', d => {{ console.log(d.toString()); s.end() }})",
                   "ruby": "require 'socket'; s = TCPSocket.new('web.example', 80); s.write('?'); puts s.recv(99)",
                   "go": 'package main\nimport ("fmt"; "net")\nfunc main() { c, e := net.Dial("tcp", "web.example:80"); if e != nil { panic(e) }; '
                         'c.Write([]byte("?")); b := make([]byte, 99); n, _ := c.Read(b); fmt.Println(string(b[:n])) }'}
        for image, source in sources.items():
            if not images["code-runner-" + image]:
                print(f"test_outbound: {image} is not installed: deploy/deps.sh --runtimes")
                continue
            self.assertEqual(run(source, image=image, mem_limit="512m"), f"{world.WEB} 80 from 10.9.0.2\n", image)

    def test_nothing_stays_open_after_the_end(self):
        files = lambda: len(os.listdir(f"/proc/{service.process.pid}/fd"))
        before = files()
        hold = "import socket\nkept = [socket.create_connection(('web.example', 80)) for _ in range(5)]\nprint(len(kept))"
        for _, front in self.FRONTS:
            self.assertEqual(front(hold), "5\n")
        service.until(lambda: files() <= before + 2, 10, "the relay's connections are closed")


class SwitchedOff(unittest.TestCase):
    def test_by_default_nobody_gets_out(self):
        with support.Service("http://127.0.0.1:1/simple") as closed:
            status, answer, _ = closed.request("POST", "/v1/execute", {"argv": ["true"], "network": "outbound"})
            self.assertEqual((status, answer["detail"]), (422, "network: `outbound` is switched off here (ALLOW_OUTBOUND)"))
            status, answer, _ = closed.request("POST", "/run", {"code": "1", "allow_network": True})
            self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["body", "allow_network"]))
            self.assertIn("ALLOW_OUTBOUND", answer["detail"][0]["msg"])


if __name__ == "__main__":
    support.main()
