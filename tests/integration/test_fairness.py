"""Whoever finds all workers busy is told so in time, and nobody takes more than their share while others wait: through
/eval, /run, /v1/execute and its stream, by address and by key."""
import contextlib
import http.client
import json
import os
import sys
import threading
import time
import unittest

import raw_websocket
import support

WAIT = 3  # INTERACTIVE_WAIT_SEC
LINE = 4  # INTERACTIVE_QUEUE_LIMIT
WORKERS = 2
KINDS = ("/eval", "/run", "/v1/execute", "stream")


def setUpModule():
    global service
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: the service starts the jailer and gives up its privileges")
    service = start()


def start(**settings):
    return support.Service("http://127.0.0.1:1/simple", INTERACTIVE_CONCURRENCY=WORKERS, INTERACTIVE_QUEUE_LIMIT=LINE,
                           CODE_RUNNER_API_KEYS="alpha,beta", **{"INTERACTIVE_WAIT_SEC": WAIT, **settings})


def tearDownModule():
    service.__exit__(None, None, None)


class Client:
    """Somebody with an address on this machine and a key."""

    def __init__(self, address="127.0.0.1", api_key=None, of=None):
        self.address, self.service = address, of or service
        self.fields = {"Authorization": "Bearer " + support.TOKEN, **({"X-API-Key": api_key} if api_key else {})}

    def post(self, path, body):
        """(status, JSON, headers)"""
        connection = http.client.HTTPConnection(self.service.host, self.service.port, timeout=60, source_address=(self.address, 0))
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **self.fields})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers
        finally:
            connection.close()

    def stream(self):
        lines = [f"{name}: {value}" for name, value in self.fields.items()]
        return raw_websocket.RawWebSocket(self.service, headers=lines, source=self.address)

    def ask(self, kind, sleep=0):
        """(status, Retry-After, seconds) of something short; of one that was run: what it printed is right."""
        began = time.monotonic()
        program = f"import time; time.sleep({sleep}); print(6 * 7)"
        if kind == "stream":
            status, retry = self.ask_stream(program)
        else:
            body = {"/eval": {"input": program}, "/run": {"code": program},
                    "/v1/execute": {"runtime": "python", "source": program}}[kind]
            status, answer, headers = self.post(kind, body)
            retry = headers["Retry-After"]
            assert status != 200 or answer["stdout"] == "42\n", (kind, answer)
        return status, retry, time.monotonic() - began

    def ask_stream(self, program):
        with self.stream() as ws:
            if ws.status != 101:
                return ws.status, next((line.split()[1].decode() for line in ws.head.splitlines() if line.startswith(b"Retry-After")), None)
            ws.send({"type": "start", "runtime": "python", "source": program})
            printed = ""
            while True:
                said = ws.message()
                assert not isinstance(said, int), said
                printed += said.get("text", "")
                if said["type"] == "error":
                    return said["status"], {1013: "1013"}.get(ws.message())  # "try again later"
                if said["type"] == "exit":
                    assert printed == "42\n", printed
                    return 200, None


class Holder(contextlib.AbstractContextManager):
    """Has a worker until it is told to let go."""

    def __init__(self, client, waits=False):
        self.ws = client.stream()
        assert self.ws.status == 101, self.ws.head
        self.ws.socket.settimeout(30)
        self.ws.send({"type": "start", "argv": ["cat"]})
        if not waits:
            self.begin()

    def begin(self):
        said = self.ws.message()
        assert said == {"type": "started"}, said
        return self

    def let_go(self):
        self.ws.send({"type": "stdin_end"})
        assert self.ws.until("exit")["exit_code"] == 0
        self.ws.socket.close()

    def __exit__(self, *exc):
        self.ws.socket.close()


class Crowd:
    """Asks for many things at once, each on a connection of its own, and keeps what came of them in the order of their ends."""

    def __init__(self):
        self.ended, self.threads, self.lock = [], [], threading.Lock()

    def send(self, client, kind, name, sleep=0):
        def work():
            try:
                result = client.ask(kind, sleep)
            except Exception as e:  # noqa: BLE001
                result = (repr(e), None, 0)
            with self.lock:
                self.ended.append((name, *result))
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()

    def all(self):
        for t in self.threads:
            t.join()
        return self.ended


def stage(of=None):
    return next(s for s in (of or service).request("GET", "/v1/stages")[1]["stages"] if s["name"] == "interactive")


def is_waiting(count, of=None):
    (of or service).until(lambda: stage(of)["queue_depth"] == count, 10, f"{count} wait")


class Fairness(unittest.TestCase):
    def setUp(self):
        service.until(lambda: stage()["in_flight"] == stage()["queue_depth"] == 0, 20, "nobody is there")

    def fill(self, held, client, count):
        """Both workers, then the line, one after the other, so that its order is known."""
        for _ in range(WORKERS):
            held.enter_context(Holder(client))
        crowd = Crowd()
        for n in range(count):
            crowd.send(client, KINDS[n % 3], f"first {n}")
            is_waiting(n + 1)
        return crowd

    def test_a_full_line_is_503_at_once_and_says_when_to_come_back(self):
        me = Client()
        with contextlib.ExitStack() as held:
            crowd = self.fill(held, me, LINE)
            for kind in KINDS:
                status, retry, seconds = me.ask(kind)
                self.assertEqual((status, retry), (503, "5"), kind)
                self.assertLess(seconds, 1, kind)
            self.assertEqual(service.request("GET", "/healthz")[0], 200)
        self.assertEqual(sorted(e[:2] for e in crowd.all()), [(f"first {n}", 200) for n in range(LINE)])

    def test_whoever_waited_long_enough_is_told_so(self):
        me = Client()
        with contextlib.ExitStack() as held:
            self.fill(held, me, 0)
            crowd = Crowd()
            for kind in KINDS:
                crowd.send(me, kind, kind)
            ended = crowd.all()
            for kind, status, retry, seconds in ended:
                self.assertEqual((status, retry), (503, "1013" if kind == "stream" else "5"), kind)
                self.assertTrue(WAIT - 0.2 < seconds < WAIT + 2, (kind, seconds))
            self.assertEqual(stage()["queue_depth"], 0)

    def newcomer(self, kind, old, new):
        """`old` has all workers and fills the line; `new` gets a place in it, and the first worker that is free."""
        with contextlib.ExitStack() as held:
            first = held.enter_context(Holder(old))
            held.enter_context(Holder(old))
            crowd = Crowd()
            for n in range(LINE):
                crowd.send(old, "/run", f"old {n}", sleep=0.3)  # so that it is seen who was first
                is_waiting(n + 1)
            crowd.send(new, kind, "new")
            service.until(lambda: crowd.ended, 10, "somebody made room")
            self.assertEqual([e[:3] for e in crowd.ended], [(f"old {LINE - 1}", 503, "5")], kind)  # the newest of who has most
            first.let_go()
            ended = [e[:2] for e in crowd.all()[1:]]
            self.assertEqual((ended[0], sorted(ended[1:])), (("new", 200), [(f"old {n}", 200) for n in range(LINE - 1)]), kind)

    def test_another_address_is_not_kept_waiting_by_one_that_has_everything(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.newcomer(kind, Client("127.0.0.1"), Client("127.0.0.2"))

    def test_another_key_is_not_kept_waiting_by_one_that_has_everything(self):
        for kind in KINDS:
            with self.subTest(kind):  # from one address, as behind a proxy
                self.newcomer(kind, Client(api_key="alpha"), Client(api_key="beta"))

    def test_two_connections_get_their_share_beside_twenty_four(self):
        """Four seconds of all kinds: whoever has few is refused nothing and gets about as much as whoever has many."""
        for many, few in ((Client("127.0.0.3"), Client("127.0.0.4")), (Client(api_key="alpha"), Client(api_key="beta"))):
            with self.subTest(few.fields, address=few.address):
                until = time.monotonic() + 4
                served, refused, slowest = {many: 0, few: 0}, {many: 0, few: 0}, {many: 0, few: 0}
                lock = threading.Lock()

                def hammer(client, n, until=until, served=served, refused=refused, slowest=slowest, lock=lock):
                    while time.monotonic() < until:
                        status, _, seconds = client.ask(KINDS[n % 4], sleep=0.05)
                        if status == 503:
                            time.sleep(0.02)  # impolite enough, and leaves this process time for the others
                        with lock:
                            (served if status == 200 else refused)[client] += 1
                            slowest[client] = max(slowest[client], seconds)
                        n += 1

                threads = [threading.Thread(target=hammer, args=(who, n)) for who, count in ((many, 24), (few, 2)) for n in range(count)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                print(f"many {served[many]} served, {refused[many]} refused, at most {slowest[many]:.2f} s; few {served[few]} served, "
                      f"at most {slowest[few]:.2f} s", file=sys.stderr)
                self.assertEqual(refused[few], 0)
                self.assertGreater(served[few], served[many] / 3)  # by connections it would be a twelfth
                self.assertGreater(refused[many], 0)  # or there was no line
                self.assertLess(max(slowest.values()), WAIT + 2)

    def test_the_operator_may_limit_what_one_has_in_hand(self):
        for setting, mine, other in (("INTERACTIVE_PER_CLIENT", {}, {"address": "127.0.0.2"}),
                                     ("INTERACTIVE_PER_KEY", {"api_key": "alpha"}, {"api_key": "beta"})):
            with self.subTest(setting), start(**{setting: 1, "INTERACTIVE_WAIT_SEC": 30}) as limited, contextlib.ExitStack() as held:
                mine, other = Client(of=limited, **mine), Client(of=limited, **other)
                first = held.enter_context(Holder(mine))
                crowd = Crowd()
                for n, kind in enumerate(KINDS[:3]):  # a worker is free, but not for me
                    crowd.send(mine, kind, kind)
                    is_waiting(n + 1, limited)
                self.assertEqual(stage(limited)["in_flight"], 1)
                for kind in KINDS:
                    self.assertEqual(other.ask(kind)[0], 200, kind)
                self.assertEqual(crowd.ended, [])
                first.let_go()
                self.assertEqual(sorted(e[:2] for e in crowd.all()), sorted((kind, 200) for kind in KINDS[:3]))

    def test_whoever_leaves_the_line_gives_their_place_to_the_next(self):
        me = Client()
        with contextlib.ExitStack() as held:
            first = held.enter_context(Holder(me))
            held.enter_context(Holder(me))
            waiting = [Holder(me, waits=True) for _ in range(LINE)]
            is_waiting(LINE)
            self.assertEqual(me.ask("/v1/execute")[0], 503)
            waiting[0].ws.socket.close()

            def has_room():
                with me.stream() as ws:
                    return ws.status == 101
            service.until(has_room, 10, "it is noticed")
            crowd = Crowd()
            crowd.send(me, "/v1/execute", "next")
            is_waiting(LINE)
            for one in waiting[1:]:
                one.ws.socket.close()
            first.let_go()
            self.assertEqual([e[:2] for e in crowd.all()], [("next", 200)])


if __name__ == "__main__":
    support.main()
