"""Runs one phase of a triage run inside the jail: what was installed under `target` is executed or imported.

Called as `python3 phase.py '{"phase": ..., "target": ..., "package": ..., ...}'`, by itself in its jail. The semantics are
those of compat/triage.md. What this program prints about itself starts with `lazaret: `; the package shares the
interpreter, so that none of it is evidence.
"""
import importlib
import importlib.metadata
import json
import os
import re
import runpy
import select
import signal
import site
import sys

EXIT_REFUSED = 64  # EX_USAGE of sysexits.h: there was nothing to run; the last line of stderr says why


def ready():
    """What the hook told until here was this program's doing; nothing of the package has run yet."""
    sys.audit("lazaret.ready")


class refused(Exception):
    """The phase has nothing to run; the message is for the report."""


def normalised(name):
    """PEP 503, "Normalized Names"."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(target, package):
    """What is installed under `target`, the package itself first."""
    found = list(importlib.metadata.distributions(path=[target]))
    return sorted(found, key=lambda d: normalised(d.metadata["Name"] or "") != normalised(package))


def console_scripts(dists):
    scripts = []
    for dist in dists:
        try:
            scripts += [e for e in dist.entry_points if e.group == "console_scripts"]
        except Exception:  # entry_points.txt is the package's text
            continue
    return scripts


def call(reference, argv):
    """Calls `module:attr.path` as a console script would; an int that it returns is the exit code."""
    module, _, attributes = reference.partition(":")
    function = importlib.import_module(module.strip())
    for name in attributes.split("[")[0].strip().split("."):
        function = getattr(function, name)
    sys.argv = argv
    returned = function()
    if isinstance(returned, int):
        sys.exit(returned)


def find_script(scripts, package):
    wanted = normalised(package)
    for script in scripts:
        if normalised(script.name) == wanted:
            return script
    for script in scripts:
        if normalised(script.name).startswith(wanted):
            return script
    raise refused("no console script entrypoint found for package")


def run_file(target, file_path):
    path = os.path.normpath(os.path.join(target, file_path))
    if not os.path.isfile(path):
        raise refused("file not found: " + file_path)
    sys.path.insert(1, os.path.dirname(path))
    sys.argv = [path]
    runpy.run_path(path, run_name="__main__")


def run_entrypoint(target, package, entrypoint):
    if ":" in entrypoint:
        call(entrypoint, [entrypoint])
        return
    for script in console_scripts(distributions(target, package)):
        if script.name == entrypoint:
            call(script.value, [script.name])
            return
    raise refused("no console script named " + entrypoint)


def named(job):
    """Runs what the job names; False when it names nothing."""
    if job.get("file_path"):
        run_file(job["target"], job["file_path"])
    elif job.get("entrypoint"):
        run_entrypoint(job["target"], job["package"], job["entrypoint"])
    else:
        return False
    return True


def execute(job):
    if not named(job):
        script = find_script(console_scripts(distributions(job["target"], job["package"])), job["package"])
        call(script.value, [script.name])


def execute_module(job):
    if not named(job):
        module = job.get("module_name") or job["package"].replace("-", "_")
        sys.argv = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def run_guarded(index, function, pipe):
    """One job in the worker: every way of failing but the death of the process is caught. Tells `index:ok` or `:failed`."""
    try:
        function()
        word = "ok"
    except SystemExit as end:
        word = "ok" if end.code in (None, 0) else "failed"
    except BaseException as error:
        print(f"lazaret: {type(error).__name__}: {error}"[:500], file=sys.stderr)
        word = "failed"
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    os.write(pipe, f"{index}:{word}\n".encode())


def start_worker(jobs, first, last):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.setpgid(0, 0)
        for index in range(first, last):
            run_guarded(index, jobs[index][1], writer)
        os._exit(0)
    os.close(writer)
    return pid, reader


def run_jobs(jobs, limit_seconds, share_process):
    """Runs (label, function) pairs in a forked worker, in a new one after a death or an overrun. Yields (label, word)."""
    done = 0
    while done < len(jobs):
        last = len(jobs) if share_process else done + 1
        pid, reader = start_worker(jobs, done, last)
        pending, word = b"", ""
        while done < last and not word:
            ready, _, _ = select.select([reader], [], [], limit_seconds)
            data = os.read(reader, 4096) if ready else b""
            if not data:
                word = "died" if ready else "overran"
            pending += data
            while b"\n" in pending:
                line, _, pending = pending.partition(b"\n")
                if line in (b"%d:ok" % done, b"%d:failed" % done):  # not what the package may have written there
                    yield jobs[done][0], line.rpartition(b":")[2].decode()
                    done += 1
        os.close(reader)
        kill_group(pid)
        if word:
            yield jobs[done][0], word
            done += 1


def kill_group(pid):
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass
    os.waitpid(pid, 0)


def modules_of(dist):
    """Importable names among the files that the release installed; `__main__` modules come last."""
    names = set()
    for path in dist.files or []:
        parts = list(path.parts)
        if ".." in parts or not parts[-1].endswith((".py", ".so")) or path.parts[0].endswith((".dist-info", ".data")):
            continue
        parts[-1] = parts[-1].split(".")[0]
        if parts[-1] == "__init__":
            parts.pop()
        if parts and all(part.isidentifier() for part in parts):
            names.add(".".join(parts))
    return sorted(names, key=lambda name: (name.endswith("__main__"), name.count("."), name))


def report(verb, noun, results):
    """Prints the failures and, last of all, the counts. Fails the phase only when there were jobs and none went well."""
    results = list(results)
    for label, word in results:
        if word != "ok":
            print(f"lazaret: {label}: {word}", file=sys.stderr)
    well = sum(word == "ok" for _, word in results)
    print(f"lazaret: {verb} {well} of {len(results)} {noun}", flush=True)
    sys.exit(1 if results and not well else 0)


def own_distribution(job):
    for dist in distributions(job["target"], job["package"]):
        if normalised(dist.metadata["Name"] or "") == normalised(job["package"]):
            return dist
    raise refused("no installed distribution named " + job["package"])


def import_all(job):
    def importing(name):
        def run():
            sys.argv = [name, "--help"]
            importlib.import_module(name)
        return name, run

    site.addsitedir(job["target"])  # runs the .pth files that the release brought, as an install in site-packages would
    jobs = [importing(name) for name in modules_of(own_distribution(job))]
    report("imported", "modules", run_jobs(jobs, job["job_limit"], share_process=True))


def entry_points(job):
    def helping(script):
        return script.name, lambda: call(script.value, [script.name, "--help"])

    jobs = [helping(script) for script in console_scripts([own_distribution(job)])]
    report("called", "entry points", run_jobs(jobs, job["job_limit"], share_process=False))


# Lures: what is stolen when it is there is looked for first, and a missing file is not even opened. Nothing in it is real.
# No .netrc: pip itself would read it.
DECOYS = {
    ".ssh/id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB\n"
                   "-----END OPENSSH PRIVATE KEY-----\n",
    ".aws/credentials": "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
                        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    ".bashrc": "# ~/.bashrc\n",
}


def furnish(home):
    for name, content in DECOYS.items():
        path = os.path.join(home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(content)


def install(job):
    """pip, in this very interpreter. The requirement follows `--`, so that it can't act as an option."""
    furnish(os.environ["HOME"])
    os.makedirs(os.environ["TMPDIR"], exist_ok=True)
    sys.path.remove(job["target"])
    del os.environ["PYTHONPATH"]
    sys.argv = ["pip", "install", "--no-input", "--no-cache-dir", "--no-color", "--progress-bar=off", "--no-compile",
                "--root-user-action=ignore", "--no-warn-script-location", "--retries=2", "--timeout=15",
                "--index-url", job["index"], "--target", job["target"], "--", job["requirement"]]
    ready()
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


PHASES = {"install": install, "execute": execute, "execute_module": execute_module, "import": import_all, "entry_points": entry_points}


def main():
    job = json.loads(sys.argv[1])
    sys.path.insert(0, job["target"])
    os.environ["PYTHONPATH"] = job["target"]  # for child interpreters
    sys.argv = [job["package"]]
    try:
        if job["phase"] != "install":  # which has a house to put in order first
            os.chdir(job["target"])
            ready()
        PHASES[job["phase"]](job)
    except refused as why:
        print(f"lazaret: {why}", file=sys.stderr)
        sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
