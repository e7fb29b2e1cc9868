"""Hello-world in every language that is installed, POST /v1/execute and POST /run, against the same commands outside any jail."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import support

ROOT = pathlib.Path("/opt/lazaret/runtimes")
LIMITS = {"memory_mb": 512, "wall_ms": 60_000}
PATH = f"{ROOT}/deno:{ROOT}/bun:/usr/bin:/bin"
#       main file, source, commands outside
KINDS = {
    "python": ("main.py", "print('hello')", ["python3 main.py"]),
    "node": ("main.js", "console.log('hello')", ["node main.js"]),
    "deno": ("main.ts", "console.log('hello')", ["deno run --allow-all main.ts"]),
    "bun": ("main.ts", "console.log('hello')", ["bun main.ts"]),
    "ruby": ("main.rb", "puts 'hello'", ["ruby main.rb"]),
    # Neither would link, nor cargo compile, what is there already.
    "go": ("main.go", 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
           ["rm -f program; go build -o program .", "./program"]),
    "rust": ("src/main.rs", 'fn main() { println!("hello") }\n',
             ["touch src/main.rs; cargo build --release -q", "./target/release/main"]),
}


def outside(kind, folder):
    """A folder with the same files, and caches of its own that are as warm as the jail's; returns what runs it."""
    main, source, commands = KINDS[kind]
    sdk = support.SOURCE / "sandbox" / "runtimes" / "sdk"
    if kind in ("go", "rust"):
        shutil.copytree(sdk / kind, folder, dirs_exist_ok=True)
    environment = {"PATH": PATH, "HOME": str(folder), "GOCACHE": f"{folder}/cache", "CGO_ENABLED": "0", "GOPROXY": "off",
                   "GOFLAGS": "-buildvcs=false", "CARGO_NET_OFFLINE": "true", "CARGO_INCREMENTAL": "0",
                   "DENO_NO_UPDATE_CHECK": "1", "LANG": "C.UTF-8"}
    if kind == "go":
        shutil.copytree(ROOT / "go" / "cache", folder / "cache", ignore=shutil.ignore_patterns("trim.txt"))
        (folder / "cache" / "trim.txt").write_text(str(int(time.time())))
    if kind == "rust":
        manifest = folder / "Cargo.toml"
        manifest.write_text(manifest.read_text().replace("{dir}", str(ROOT)))
        shutil.copytree(ROOT / "rust" / "target", folder / "target")
    (folder / main).parent.mkdir(exist_ok=True)
    (folder / main).write_text(source)

    def run():
        start = time.monotonic()
        for command in commands:
            done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done
        assert done.stdout == "hello\n", done
        return time.monotonic() - start
    return run


def bodies(kind):
    """What is asked for, by route, and where its answer says how it went."""
    source = KINDS[kind][1]
    yield "/v1/execute", {"runtime": kind, "source": source, "limits": LIMITS}
    yield "/run", {"code": source, "image": kind, "mem_limit": f"{LIMITS['memory_mb']}m", "timeout": 60}


def runtimes(report, rounds=25):
    """Each route alternately with the bare command: what it costs more is the service's and the jail's."""
    with support.Service("http://127.0.0.1:1/simple") as service, contextlib.ExitStack() as folders:
        connection = http.client.HTTPConnection(service.host, service.port)

        def ours(route, body):
            start = time.monotonic()
            connection.request("POST", route, json.dumps(body),
                               {"Content-Type": "application/json", "Authorization": f"Bearer {support.TOKEN}"})
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
            took = time.monotonic() - start
            if status == 404:
                return None
            assert status == 200 and json.loads(text)["stdout"] == "hello\n", text
            return took

        for kind in KINDS:
            asked = dict(bodies(kind))
            if ours("/run", asked["/run"]) is None:
                print(f"runtimes: {kind} is not installed", file=sys.stderr)
                continue
            bare = outside(kind, pathlib.Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="lazaret-bench-"))))
            commands = "; ".join(KINDS[kind][2])
            for route, body in asked.items():
                times = [(ours(route, body), bare()) for _ in range(rounds + 2)][2:]
                mine, theirs = (statistics.median(side) * 1000 for side in zip(*times))
                report("runtimes", f"{route} of {kind}: hello, wall p50; baseline {commands}", mine, "ms", theirs)
                report("runtimes", f"{route} of {kind}: hello, above the bare command, p50; baseline the 4 ms it may cost",
                       mine - theirs, "ms", 4)
        connection.close()
