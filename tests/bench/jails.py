"""`deploy/bench.sh jail`: how long a jail takes from the request on the jailer's socket to the answer that it is over.

Every figure comes from samples of jail_launch.cpp, which launches the jail and its baselines in turns. `prepared` is
what a jailer does by itself when jails of a kind are asked for again and again; `unprepared` jails are of no such kind:
a shell becomes one, which was prepared before anybody knew for what (sandbox/shell.hpp). `made` ones find not even that:
all is done when they are asked for, but an empty network namespace and a group's directories. In turns with others a jailer has time to prepare the next
one; `in a row` it has none, and each launch pays for one preparation.
"""
import collections
import pathlib
import re
import statistics
import subprocess

BIN = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "bin"
FEW = 2  # jails that may be prepared ahead: the jailer's default


def launch(how, times, number, ahead=FEW):
    """Samples by name in milliseconds, in the order in which they were taken."""
    done = subprocess.run([BIN / "jail_launch", BIN, how, str(times), str(number), str(ahead)], check=True,
                          stdout=subprocess.PIPE, text=True)
    samples = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        name, microseconds = line.split()
        samples[name].append(float(microseconds) / 1000)
    return samples


def percentile(samples, percent):
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def p50(samples):
    return statistics.median(samples)


def in_turns(report, blocks=5, times=160, quiet_times=12, quiet_ms=200):
    busy, quiet = collections.defaultdict(list), collections.defaultdict(list)
    for _ in range(blocks):
        for into, samples in ((busy, launch("turns", times, 0)), (quiet, launch("turns", quiet_times, quiet_ms))):
            for name, values in samples.items():
                into[name] += values
    for name, what in (("jail", "prepared"), ("unprepared", "unprepared"), ("made", "made of nothing")):
        report(f"/bin/true, {what}: wall p50; baseline bwrap", p50(busy[name]), "ms", p50(busy["bwrap"]))
        report(f"/bin/true, {what}: wall p50; baseline posix_spawn", p50(busy[name]), "ms", p50(busy["spawn"]))
        report(f"/bin/true, {what}: wall p99; baseline its own p50", percentile(busy[name], 99), "ms", p50(busy[name]))
        report(f"/bin/true, {what}, after {quiet_ms} ms of quiet: wall p50; baseline back to back", p50(quiet[name]),
               "ms", p50(busy[name]))
    for name in ("bwrap", "spawn"):  # how noisy the machine was, for the two kinds of line above
        report(f"{name} itself: wall p99; baseline its own p50", percentile(busy[name], 99), "ms", p50(busy[name]))
        report(f"{name} itself, after {quiet_ms} ms of quiet: wall p50; baseline back to back", p50(quiet[name]), "ms",
               p50(busy[name]))
    report("/bin/true, not observed: wall p50; baseline observed", p50(busy["jail"]), "ms", p50(busy["observed"]))
    report("lazaret jail -- /bin/true, the whole process: wall p50; baseline bwrap", p50(busy["command"]), "ms",
           p50(busy["bwrap"]))


def in_a_crowd(report, times=20_000, width=8, limit_ms=250):
    samples = launch("crowd", times, width)
    slowest = max(samples["jail"])
    report(f"{times} jails, {width} at a time: slowest; baseline the limit of {limit_ms} ms", slowest, "ms", limit_ms)
    report(f"{times} jails, {width} at a time: slowest; baseline the slowest of a tenth as many bwraps", slowest, "ms",
           max(samples["bwrap"]))
    report(f"{times} jails, {width} at a time: p50; baseline bwrap", p50(samples["jail"]), "ms", p50(samples["bwrap"]))


def steadily(report, times=2_000, width=2):
    """Each slice of jails beside the slice of bwraps that followed it: these use the same parts of the kernel, so what
    slows both is the machine's neighbours, and what slows the jails alone is that they leave something behind."""
    samples = launch("steady", times, width)
    per_slice = times / len(samples["jail"])
    relative = [ours / other for ours, other in zip(samples["jail"], samples["bwrap"])]
    quarter = len(relative) // 4
    scale = per_slice / p50(samples["bwrap"]) * 1000  # jails per second, had every bwrap taken the usual time
    first, last = scale / p50(relative[:quarter]), scale / p50(relative[-quarter:])
    report(f"{times} jails, {width} at a time: throughput of the last quarter; baseline of the first", last, "jails/s",
           first)


def in_a_row(report, times=1_000):
    samples = launch("steady", times, 1)
    per_slice = times / len(samples["jail"])
    report("/bin/true, prepared, in a row with nothing between: mean; baseline bwrap in a row",
           p50(samples["jail"]) / per_slice, "ms", p50(samples["bwrap"]) / per_slice)


def shares(report, times=300):
    """What the steps of making a jail take, by a jailer that notes when each begins and ends (sandbox/timeline.hpp)."""
    done = subprocess.run([BIN / "jail_launch", BIN, "timeline", str(times), "0", "0"], check=True,
                          capture_output=True, text=True)
    whole = p50([float(line.split()[1]) for line in done.stdout.splitlines()])
    steps = re.findall(r"^timeline (\d+) ([\d.]+) (.+)$", done.stderr, re.M)
    for count, microseconds, name in steps:
        if int(count) < times:  # of the jailer that only warmed up
            continue
        # The jailer's first step comes after whatever it waited for; a gap of nothing but two looks at the clock is none.
        if name == "up to make_controls()" or name.startswith("up to ") and float(microseconds) < 3:
            continue
        report(f"share of a jail made of nothing: {name}; baseline the whole", float(microseconds) / 1000, "ms",
               whole / 1000)


def jail(report):
    in_turns(report)
    in_a_row(report)
    steadily(report)
    in_a_crowd(report)
    shares(report)
