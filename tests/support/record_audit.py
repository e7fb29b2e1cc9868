"""Records the audit events of real Python programs outside any jail, in the form of compat/triage, for tests of analysis.

    /usr/bin/python3 record_audit.py FOLDER

makes FOLDER/{install_wheel,install_sdist,install_sdist_isolated,import_requests,import_flask,import_numpy}.jsonl: real pip (the wheel in
/usr/share/python-wheels) installing from an index on loopback, with build backends and child interpreters recorded too
through a .pth file of a virtual environment; and honest packages of Debian's imported. The folder's own paths are
replaced by the jail's: FOLDER/work becomes /work, the environment's interpreter /usr/bin/python3.
"""
import functools
import http.server
import os
import pathlib
import subprocess
import sys
import tarfile
import threading

WHEELS = pathlib.Path("/usr/share/python-wheels")

HOOK = r'''
import sys, os, json, datetime, threading, json.encoder
_fd = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if "AUDIT_LOG" in os.environ else -1
_busy = threading.local()
def _cap(x, depth=0):
    if isinstance(x, (str, bytes)): return x[:500]
    if type(x) in (tuple, list) and depth < 4: return type(x)(_cap(y, depth + 1) for y in x[:20])
    return x
def _hook(event, args):
    if getattr(_busy, "on", False): return
    _busy.on = True
    try:
        frame = sys._getframe(1) if sys._getframe().f_back else None
        caller = frame and {"function": frame.f_code.co_name, "file": frame.f_code.co_filename, "line": frame.f_lineno}
        line = {"timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(), "pid": os.getpid(), "event": event,
                "args": repr(_cap(args))[:7000], "caller": caller}
        os.write(_fd, (json.dumps(line) + "\n").encode())
    except Exception: pass
    finally: _busy.on = False
if _fd >= 0: sys.addaudithook(_hook)
'''

SETUP = '''from setuptools import setup
setup(name="innocent", version="1.0", packages=["innocent"], entry_points={"console_scripts": ["innocent=innocent:main"]})
'''


def make_environment(folder):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", folder / "venv"], check=True)
    site = next((folder / "venv/lib").glob("python3*")) / "site-packages"
    (site / "zz_hook.py").write_text(HOOK)
    (site / "zz_hook.pth").write_text("import zz_hook\n")
    return folder / "venv/bin/python"


def make_index(folder):
    source = folder / "source/innocent-1.0"
    (source / "innocent").mkdir(parents=True)
    (source / "innocent/__init__.py").write_text("def main():\n    print('hello')\n")
    (source / "setup.py").write_text(SETUP)
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: innocent\nVersion: 1.0\n")
    for name in ("innocent", "setuptools", "wheel"):
        (folder / "www/simple" / name).mkdir(parents=True)
    with tarfile.open(folder / "www/innocent-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "innocent-1.0")
    for wheel in WHEELS.glob("*.whl"):
        (folder / "www" / wheel.name).write_bytes(wheel.read_bytes())
    for file in (folder / "www").iterdir():
        page = folder / "www/simple" / file.name.split("-")[0]
        if file.is_file() and page.is_dir():
            (page / "index.html").write_text(f'<html><body><a href="/{file.name}">{file.name}</a></body></html>')


def serve(folder):
    class handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=folder / "www"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def record(folder, name, argv, port):
    log = folder / "raw.jsonl"
    log.unlink(missing_ok=True)
    work = folder / "work"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(work / "home"), "TMPDIR": str(work / "tmp"), "AUDIT_LOG": str(log),
                   "PIP_DISABLE_PIP_VERSION_CHECK": "1", "LANG": "C.UTF-8", "NO_PROXY": "*"}
    result = subprocess.run(argv, env=environment, cwd=work / "tmp", capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{name}: {result.stderr[-2000:]}")
    text = log.read_text().replace(str(work), "/work").replace(str(folder / "venv"), "/usr").replace(f"127.0.0.1', {port}", "127.0.0.1', 3141")
    (folder / f"{name}.jsonl").write_text(text)


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    for name in ("site", "tmp", "home"):
        (folder / "work" / name).mkdir(parents=True, exist_ok=True)
    python = make_environment(folder)
    make_index(folder)
    server = serve(folder)
    port = server.server_address[1]
    pip = next(WHEELS.glob("pip-*.whl")) / "pip"
    install = [python, pip, "install", "--target", folder / "work/site", "--index-url", f"http://127.0.0.1:{port}/simple"]
    record(folder, "install_wheel", [*install, "setuptools"], port)
    record(folder, "install_sdist", [*install, "innocent==1.0"], port)
    record(folder, "install_sdist_isolated", [*install, "--upgrade", "--no-cache-dir", "--use-pep517", "innocent==1.0"], port)
    for name in ("requests", "flask", "numpy"):
        record(folder, f"import_{name}", [python, "-c", f"import {name}"], port)
    server.shutdown()


main()
