"""Knowledge flows one way, http -> actors -> {sandbox, metrics}, and each third-party library is visible in one room."""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "metrics": {"metrics"},
    "sandbox": {"sandbox"},
    "actors": {"actors", "sandbox", "metrics"},
    "http": {"http", "actors", "sandbox", "metrics"},
}
# A library's include prefix, and the only places where it may appear.
ONLY_IN = {
    "caf/": ("actors/",),
    "boost/beast": ("http/",),
    "boost/asio": ("http/",),
    "seccomp.h": ("sandbox/seccomp",),
    "prometheus/": ("metrics/",),
    "curl/": ("actors/download/fetcher", "actors/report/webhook_client"),
    "archive": ("actors/download/archive",),
    "sqlite3.h": ("actors/sqlite.hpp",),
    "hiredis/": ("actors/store/redis_wire",),
    "CLI/": ("http/",),
    "toml++": ("http/",),
    "spdlog/": ("http/",),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

root = pathlib.Path(sys.argv[1])
wrong = []
seen = 0
for room, allowed in MAY_INCLUDE.items():
    for path in sorted((root / room).rglob("*.[ch]pp")):
        name = path.relative_to(root).as_posix()
        for kind, target in INCLUDE.findall(path.read_text()):
            seen += 1
            generated = "/" not in target  # by a room's own build, in its own folder
            if kind == '"' and not generated and target.split("/")[0] not in allowed:
                wrong.append(f'{name}: includes "{target}", which {room}/ may not know')
            if kind == "<":
                for prefix, places in ONLY_IN.items():
                    if target.startswith(prefix) and not name.startswith(places):
                        wrong.append(f"{name}: <{target}> is visible only in {', '.join(places)}")
if seen < 100:
    wrong.append(f"only {seen} includes were found: is this the source tree?")
print("\n".join(wrong) or f"{seen} includes, all in the right direction")
sys.exit(bool(wrong))
