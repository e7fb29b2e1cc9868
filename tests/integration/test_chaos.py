"""While clients submit, nodes and their store are killed, frozen and cut off at random; whatever was accepted ends, once
and whole, and nothing is left behind.

The order of faults is made from a seed that is printed: LAZARET_CHAOS_SEED repeats it. LAZARET_CHAOS_SECONDS and
LAZARET_CHAOS_RUNS make it longer (120 and 300 are what the issue asks for); CI runs it short."""
import concurrent.futures
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time
import unittest

import clients
import cluster
import support

SECONDS = float(os.environ.get("LAZARET_CHAOS_SECONDS", "25"))
RUNS = int(os.environ.get("LAZARET_CHAOS_RUNS", "60"))
SEED = os.environ.get("LAZARET_CHAOS_SEED") or str(random.SystemRandom().randrange(1 << 32))
LEASE = 3
CLIENTS = 12


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces, and the service makes jails")
    cluster.build_bridge()
    print(f"LAZARET_CHAOS_SEED={SEED} LAZARET_CHAOS_SECONDS={SECONDS:g} LAZARET_CHAOS_RUNS={RUNS}", flush=True)


class Chaos:
    """What befalls one victim: one fault after the other, with time between them in which it can do something."""
    KINDS = ("kill", "stop", "cut")

    def __init__(self, victims, kinds, seconds):
        self.told, self.began, self.until = [], time.monotonic(), time.monotonic() + seconds
        self.threads = [threading.Thread(target=self.torment, args=(name, one, random.Random(f"{SEED} {name}"), kinds))
                        for name, one in victims.items()]
        for one in self.threads:
            one.start()

    def torment(self, name, victim, chance, kinds):
        while True:
            quiet, kind, lasts = chance.uniform(1, 8), chance.choice(kinds), chance.choice((0.3, 1, LEASE + 1.5))
            if time.monotonic() + quiet + lasts > self.until:
                return
            time.sleep(quiet)
            self.told.append(f"{time.monotonic() - self.began:.1f} {name} {kind} {lasts}")
            if kind == "kill":
                victim.kill()
            elif kind == "stop":
                victim.stop()
                time.sleep(lasts)
                victim.go_on()
            else:
                victim.place.cut()
                time.sleep(lasts)
                victim.place.heal()

    def over(self):
        for one in self.threads:
            one.join()
        return self.told


class Faults(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-chaos-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.index = self.enterContext(support.Index(host=cluster.HUB))
        self.sink = self.enterContext(clients.Sink())

    def node(self, number, **settings):
        place = cluster.Place(10 + number)
        return self.enterContext(cluster.Node(
            place, self.folder / f"node{number}", PYPI_INDEX_URL=self.index.url, LEASE_SEC=LEASE, DRAIN_SEC=20, QUEUE_LIMIT=1000,
            BATCH_QUEUE_LIMIT=1000, DISCORD_WEBHOOK_URL=place.call(self.sink.listen), **settings))

    def test_three_nodes_on_one_redis(self):
        (self.folder / "redis").mkdir()
        redis = self.enterContext(cluster.Redis(cluster.Place(9), self.folder / "redis"))
        nodes = [self.node(n, STORE_URL=redis.url, BLOB_DIR=self.folder / "blobs") for n in (1, 2, 3)]
        victims = {"redis": redis, **{f"node{n + 1}": node for n, node in enumerate(nodes)}}
        self.hold(nodes, victims, ("kill", "stop", "cut"))

    def test_one_node_on_sqlite(self):
        node = self.node(1)
        self.hold([node], {"node1": node}, ("kill", "stop"))

    def hold(self, nodes, victims, kinds):
        try:
            self.survive(nodes, victims, kinds)
        except BaseException:
            for node in nodes:
                print(f"---- {node.data.name} {node.readiness()}\n" + pathlib.Path(node.log.name).read_text(errors="replace")[-4000:], flush=True)
            raise

    def survive(self, nodes, victims, kinds):
        for node in nodes:
            support.Service.until(node.is_ready, 60, "the node is ready")
        asked = clients.Clients(nodes, SEED)
        chaos = Chaos(victims, kinds, SECONDS)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            def one(number):
                time.sleep(max(0, began + SECONDS * number / RUNS - time.monotonic()))
                asked.ask(("triage", "job", "execution")[number % 3], number, SECONDS + 60)
            began = time.monotonic()
            for done in [pool.submit(one, number) for number in range(RUNS)]:
                done.result()
        told = chaos.over()
        print(f"{len(told)} faults: {'; '.join(told)}\nlost answers {asked.lost}, refused {asked.refused}", flush=True)
        for victim in victims.values():  # nobody ended by itself, but for one that found no store when it was started
            self.assertLessEqual(set(victim.endings), {-signal.SIGKILL, 1}, victim.endings)
        for node in nodes:
            support.Service.until(node.is_ready, 60, "the node is ready again")
        self.assertEqual(len(asked.accepted), RUNS)
        self.assertEqual(len({name for _, name, _ in asked.accepted}), RUNS, "each has an id of its own")
        self.each_ends(nodes, asked)
        told = {name for kind, name, _ in asked.accepted if kind == "triage"}
        self.assertEqual(clients.all_ended(nodes[0]), told, "runs that nobody was told of")
        repeated = sum(len(came) - 1 for came in self.sink.got.values())
        print(f"{RUNS} of {RUNS} ended whole; {len(self.sink.got)} webhooks, {repeated} repeated with their key", flush=True)
        for node in nodes:
            self.assertEqual(node.end(), 0)
        for node in nodes:
            support.Service.until(lambda: not clients.left_behind(node.data, node.jailers), 10,
                                  f"all is gone: {clients.left_behind(node.data, node.jailers)}")

    def each_ends(self, nodes, asked):
        chance = random.Random(SEED)
        for kind, name, number in asked.accepted:
            node = chance.choice(nodes)
            known = clients.until_ended(lambda: node, kind, name, 180)
            clients.assert_whole(node, known, kind, name, number)
            if kind == "triage":
                self.assertEqual(known["delivery"], "delivered")
                self.assertEqual(len(set(self.sink.got[name])), 1, "one message, however often it was sent")
                self.assertEqual(self.sink.runs[name], {name}, "and one key")


if __name__ == "__main__":
    support.main()
