"""`lazaret jail` as people use it: the real program, as root and as an ordinary user."""
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import resource
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

from support import BUILD, main

LAZARET = str(BUILD / "bin" / "lazaret")
NOBODY = 65534
UID_BASE = 1_900_000_000


def command(*options, cmd=("/usr/bin/true",)):
    return [LAZARET, "jail", *options, "--", *cmd]


def jail(*options, cmd=("/usr/bin/true",), stdin=b"", **more):
    if isinstance(stdin, bytes):
        more["input"] = stdin
    else:
        more["stdin"] = stdin
    return subprocess.run(command(*options, cmd=cmd), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, **more)


def python(code, *options, **more):
    return jail(*options, cmd=("python3", "-c", code), **more)


def outcome(done):
    """The line that --json prints: the last of stderr."""
    return json.loads(done.stderr.splitlines()[-1])


def eventually(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s: not yet that {what}")
        time.sleep(0.01)


def processes():
    """(pid, parent, uid, state) of every process in sight."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            found.append((int(fields["Pid"]), int(fields["PPid"]), int(fields["Uid"].split()[0]), fields["State"][0]))
    return found


def descendants(pid):
    all_of_them = processes()
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent, _, _ in all_of_them if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {pid}


def jailed_by(pid):
    """Processes of the jail of the command `pid`: they run as a uid that jails only have."""
    family = descendants(pid)
    return [p for p, _, uid, state in processes() if p in family and uid >= UID_BASE and state != "Z"]


def groups_of(command):
    return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if folder.endswith(f"/lazaret.{command}")]


def guardian_of(command):
    """The process that looks after the jail when the command can't."""
    return next(p for p, parent, _, _ in processes()
                if parent == command and pathlib.Path(f"/proc/{p}/comm").read_text() == "guardian\n")


def mounts_of_the_kernel():
    """In all mount namespaces, also those that no process is in."""
    return next(int(line.split()[1]) for line in open("/proc/slabinfo") if line.startswith("mnt_cache "))


def alive(pids):
    return [p for p, _, _, state in processes() if p in pids and state != "Z"]


class NeedsRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root: the other half of this file runs as a user")


class ExitStatus(NeedsRoot):
    def test_it_exits_as_the_program_did(self):
        for code in (0, 1, 7, 124, 125, 255):
            done = jail("--json", cmd=("sh", "-c", f"exit {code}"))
            self.assertEqual(done.returncode, code)
            self.assertEqual((outcome(done)["ended"], outcome(done)["code"]), ("exited", code))

    def test_a_signal_is_128_plus_its_number(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGUSR1):
            done = python(f"import os; os.kill(os.getpid(), {int(number)})", "--json")
            self.assertEqual(done.returncode, 128 + number)
            self.assertEqual((outcome(done)["ended"], outcome(done)["signal"]), ("signalled", number))

    def test_time_outs_are_124(self):
        begun = time.monotonic()
        done = jail("--wall", "0.5", "--json", cmd=("sleep", "30"))
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual((done.returncode, outcome(done)["ended"]), (124, "wall_timeout"))
        done = python("while True: pass", "--cpu=0.3", "--json")
        self.assertEqual((done.returncode, outcome(done)["ended"]), (124, "cpu_timeout"))
        done = jail("--wall", "0.2", cmd=("sleep", "30"))
        self.assertIn(b"ran past its wall time", done.stderr)

    def test_out_of_memory_is_137(self):
        done = python("x = bytearray(200 << 20); x[::4096] = b'x' * len(x[::4096])", "--mem", "64M", "--json")
        self.assertEqual((done.returncode, outcome(done)["ended"]), (137, "out_of_memory"))

    def test_too_much_output_is_153(self):
        done = jail("--output", "100K", "--json", cmd=("sh", "-c", "while :; do echo 0123456789; done"))
        self.assertEqual((done.returncode, outcome(done)["ended"]), (153, "output_limit"))
        self.assertEqual(len(done.stdout), 100 * 1024)
        self.assertTrue(outcome(done)["truncated"])

    def test_a_deadly_system_call_is_159_and_named(self):
        done = python("import ctypes; ctypes.CDLL(None).syscall(169, 0xfee1dead, 0, 0, 0)", "--json")  # reboot(2)
        self.assertEqual((done.returncode, outcome(done)["ended"]), (159, "syscall_denied"))
        self.assertEqual(outcome(done)["syscall"], "reboot")

    def test_not_found_is_127_and_not_executable_126(self):
        for cmd in ("no-such-program", "/usr/bin/no-such-program", "/etc/passwd/x"):
            done = jail(cmd=(cmd,))
            self.assertEqual(done.returncode, 127, cmd)
            self.assertIn(cmd.encode(), done.stderr)
        for cmd in ("/etc/passwd", "/usr"):
            done = jail("--json", cmd=(cmd,))
            self.assertEqual(done.returncode, 126, cmd)
            self.assertIsNone(outcome(done)["ended"])
            self.assertEqual(outcome(done)["exit_status"], 126)

    def test_without_a_jail_it_is_125_and_says_why(self):
        missing = "/var/tmp/lazaret-no-such-directory"
        for options, why in ((("--bogus",), "--bogus"), (("--wall", "soon"), "soon"), (("--mem", "64m"), "64m"),
                             (("--pids", "1"), "pids"), (("--net", "host"), "host"), (("--preset", "x"), "snekbox"),
                             (("--bind", "a:/b"), "absolute"), (("--bind", f"{missing}:/x"), missing),
                             (("--bind", f"{missing}:/x:rw"), missing), (("--chdir", "tmp"), "working_directory"),
                             (("--chdir", "/no/such"), "/no/such"), (("--bind", "/var:/usr/x"), "/usr/x")):
            done = jail(*options)
            self.assertEqual(done.returncode, 125, options)
            self.assertIn(why.encode(), done.stderr, options)
            self.assertEqual(done.stdout, b"")
        for words in ([], ["true"], ["--"], ["--wall"], ["--wall", "1"]):
            done = subprocess.run([LAZARET, "jail", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 125, words)
            self.assertNotEqual(done.stderr, b"")

    def test_a_layer_that_nobody_has_is_125(self):
        done = jail(env={**os.environ, "JAIL_REQUIRE": "moat"})
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"moat", done.stderr)
        self.assertEqual(jail(env={**os.environ, "JAIL_REQUIRE": "seccomp,memory"}).returncode, 0)


class Streams(NeedsRoot):
    def test_a_hundred_megabytes_pass_both_ways_unchanged(self):
        with tempfile.TemporaryFile() as data:
            digest = hashlib.sha256()
            for _ in range(100):
                piece = os.urandom(1 << 20)
                digest.update(piece)
                data.write(piece)
            data.seek(0)
            process = subprocess.Popen(command("--json", cmd=("cat",)), stdin=data, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            back = hashlib.sha256()
            while piece := process.stdout.read(1 << 20):
                back.update(piece)
            said = process.stderr.read()
            self.assertEqual(process.wait(), 0)
            self.assertEqual(back.hexdigest(), digest.hexdigest())
            self.assertEqual(json.loads(said)["stdout_bytes"], 100 << 20)

    def test_from_pipe_to_file_and_appending(self):
        data = os.urandom(3_000_001)
        with tempfile.TemporaryDirectory() as folder:
            for mode in ("wb", "ab"):
                path = pathlib.Path(folder, mode)
                with open(path, mode) as out:
                    done = subprocess.run(command(cmd=("cat",)), input=data, stdout=out, timeout=60)
                self.assertEqual(done.returncode, 0)
                self.assertEqual(path.read_bytes(), data)

    def test_stdout_and_stderr_stay_apart(self):
        done = jail(cmd=("sh", "-c", "echo out; echo err >&2"))
        self.assertEqual((done.stdout, done.stderr), (b"out\n", b"err\n"))

    def test_a_program_that_reads_nothing_ends_all_the_same(self):
        done = jail(cmd=("sh", "-c", "echo done"), stdin=b"x" * 10_000_000)
        self.assertEqual((done.returncode, done.stdout), (0, b"done\n"))

    def test_a_reader_that_goes_ends_it_as_a_pipe_would(self):
        process = subprocess.Popen(command("--json", cmd=("yes",)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(30), 128 + signal.SIGPIPE)
        self.assertEqual(json.loads(process.stderr.read())["signal"], signal.SIGPIPE)
        process.stderr.close()

    def test_a_reader_that_does_not_read_does_not_keep_it_past_its_time(self):
        process = subprocess.Popen(command("--wall", "0.5", cmd=("yes",)), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.wait(30), 124)
        process.communicate()

    def test_closed_streams(self):
        def run_closed(script, cmd):
            return subprocess.run(["/bin/sh", "-c", f'exec "$@" {script}', "sh", *command("--json", cmd=cmd)],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        done = run_closed("<&-", ("cat",))
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        done = run_closed(">&-", ("sh", "-c", "echo lost; echo heard >&2"))  # as with a pipe that nobody reads
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(run_closed(">&-", ("true",)).returncode, 0)
        done = run_closed("2>&-", ("sh", "-c", "echo out"))
        self.assertEqual((done.returncode, done.stdout), (0, b"out\n"))
        done = run_closed("<&- >&- 2>&-", ("true",))
        self.assertEqual(done.returncode, 0)

    def test_a_full_disk_is_not_success(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(command(cmd=("sh", "-c", "echo lost; exit 0")), stdout=full, stderr=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"No space left", done.stderr)

    def test_flags_of_the_callers_streams_are_left_alone(self):
        ours, theirs = os.pipe()
        before = fcntl.fcntl(theirs, fcntl.F_GETFL)
        process = subprocess.Popen(command(cmd=("sh", "-c", "echo x; read x")), stdin=subprocess.PIPE, stdout=theirs)
        self.assertEqual(os.read(ours, 2), b"x\n")
        self.assertEqual(fcntl.fcntl(theirs, fcntl.F_GETFL), before)
        process.communicate(b"\n")
        os.close(ours), os.close(theirs)

    def test_at_a_terminal(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(LAZARET, command(cmd=("sh", "-c", "read line; echo got $line; [ -t 0 ] || echo no terminal")))
        os.write(terminal, b"hello\n")
        said = b""
        with contextlib.suppress(OSError):  # EIO: the other side has closed
            while piece := os.read(terminal, 1000):
                said += piece
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(terminal)
        self.assertIn(b"got hello", said)
        self.assertIn(b"no terminal", said)

    def test_ctrl_c_ends_the_jail(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(LAZARET, command(cmd=("sh", "-c", "echo ready; sleep 60")))
        said = b""
        while b"ready" not in said:
            said += os.read(terminal, 1000)
        jailed = jailed_by(pid)
        self.assertTrue(jailed)
        os.write(terminal, b"\x03")
        with contextlib.suppress(OSError):
            while os.read(terminal, 1000):
                pass
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -signal.SIGINT)
        os.close(terminal)
        self.assertEqual(alive(jailed), [])


class Ending(NeedsRoot):
    def start(self, *options, script="echo ready; sleep 60 & sleep 60", **more):
        process = subprocess.Popen(command(*options, cmd=("sh", "-c", script)),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   **{"stdin": subprocess.DEVNULL, **more})
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def test_signals_end_the_jail_and_then_the_command(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            process = self.start("--json", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
            family = descendants(process.pid)
            self.assertGreaterEqual(len(family), 3)  # guardian, init, sh, and perhaps its sleeps
            process.send_signal(number)
            self.assertEqual(process.wait(30), -number)
            self.assertEqual(alive(family), [])
            self.assertEqual(json.loads(process.stderr.read())["ended"], "canceled")
            process.stdout.close(), process.stderr.close()

    def test_an_ignored_signal_stays_ignored(self):
        process = self.start("--wall=1", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.wait(30), 124)
        process.communicate()

    def test_nothing_is_left_after_kill_9_of_the_command(self):
        for whom in (os.kill, os.killpg):
            process = self.start(start_new_session=True)
            family = descendants(process.pid)
            self.assertTrue(jailed_by(process.pid))
            self.assertTrue(groups_of(process.pid))
            whom(process.pid, signal.SIGKILL)
            process.wait()
            eventually(lambda: not alive(family), "every process of the jail is gone")
            eventually(lambda: not groups_of(process.pid), "its cgroups are gone")
            process.stdout.close(), process.stderr.close()

    def test_nothing_is_left_after_kill_9_at_any_moment(self):
        for delay in range(0, 60):
            process = subprocess.Popen(command(cmd=("sleep", "60")), stdin=subprocess.DEVNULL)
            time.sleep(delay / 10_000)
            family = descendants(process.pid)
            process.kill()
            process.wait()
            eventually(lambda: not alive(family), "every process of the jail is gone")
            eventually(lambda: not groups_of(process.pid), "its cgroups are gone")

    def test_without_its_guardian_it_ends_as_it_would(self):
        process = self.start(script="echo ready; read line; exit 3", stdin=subprocess.PIPE)
        family = descendants(process.pid)
        os.kill(guardian_of(process.pid), signal.SIGKILL)
        process.communicate(b"\n", timeout=30)
        self.assertEqual((process.returncode, alive(family), groups_of(process.pid)), (3, [], []))

    def test_a_command_that_is_stopped_lets_its_jail_live_no_longer(self):
        process = self.start("--wall=1", "--json")
        jailed = jailed_by(process.pid)
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: not alive(jailed), "the jail has ended", seconds=30)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(30), 124)
        self.assertEqual(json.loads(process.stderr.read().splitlines()[-1])["ended"], "wall_timeout")
        self.assertEqual(groups_of(process.pid), [])
        process.stdout.close(), process.stderr.close()

    def test_nothing_is_left_after_it(self):
        process = self.start(script="echo ready; setsid sh -c 'sleep 60 & sleep 60' & exit 3")
        family = descendants(process.pid)
        self.assertEqual(process.wait(30), 3)
        self.assertEqual((alive(family), groups_of(process.pid)), ([], []))
        process.stdout.close(), process.stderr.close()

    def test_no_mount_is_left_after_it(self):
        jail()
        before = mounts_of_the_kernel()
        for _ in range(100):  # a jail has a dozen of them, and the command that makes it as many as the host
            self.assertEqual(jail().returncode, 0)
        eventually(lambda: mounts_of_the_kernel() < before + 100, "the kernel has taken them down")

    def test_two_at_a_time_know_nothing_of_each_other(self):
        script = "import os, sys; print(os.getpid(), flush=True); open('/tmp/mine', 'x').close(); sys.stdin.read()"
        both = [subprocess.Popen(command("--proc", cmd=("python3", "-c", script)), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE) for _ in range(2)]
        self.assertEqual([p.stdout.readline() for p in both], [b"2\n", b"2\n"])
        uids = [{uid for p, _, uid, _ in processes() if p in descendants(q.pid) and uid >= UID_BASE} for q in both]
        self.assertTrue(uids[0] and uids[1] and not uids[0] & uids[1])
        for process in both:
            process.communicate()
            self.assertEqual(process.returncode, 0)


class Options(NeedsRoot):
    def test_pids(self):
        done = python("import os\ntry:\n  for n in range(99):\n    os.fork() or os._exit(os.waitid(0, 0, 0, 0))\n"
                      "except OSError as e: print(e.errno)", "--pids", "5", "--json")
        self.assertTrue(outcome(done)["pids_exhausted"])
        self.assertLessEqual(outcome(done)["peak_pids"], 5)

    def test_environment_and_directory(self):
        done = jail("--env", "A=1", "--env=B=2 3", "--chdir", "/usr/lib", cmd=("sh", "-c", "pwd; echo $A-$B; env"),
                    env={"SECRET": "x", "PATH": "/nowhere"})
        self.assertEqual(done.stdout.splitlines()[:2], [b"/usr/lib", b"1-2 3"])
        self.assertNotIn(b"SECRET", done.stdout)
        self.assertIn(b"PATH=/usr/local/bin:/usr/bin:/bin\n", done.stdout)

    def test_a_caller_with_small_limits_has_small_jails(self):
        done = subprocess.run(["/bin/bash", "-c", 'ulimit -c 0; ulimit -n 50; exec "$@"', "bash",
                               *command(cmd=("sh", "-c", "ulimit -n; ulimit -c"))], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout.split()[0]), (0, b"50"), done.stderr)

    def test_where_overlays_can_not_be_had_it_does_without_unless_they_are_required(self):
        build, folder = BUILD.resolve(), tempfile.mkdtemp(prefix="lazaret-nested-", dir="/var/tmp")
        self.addCleanup(os.rmdir, folder)
        # The root is an overlay of an overlay, over which the kernel makes no third.
        script = f"""set -e; mount -t tmpfs tmpfs {folder}; cd {folder}; mkdir u1 w1 m1 u2 w2 m2
            mount -t overlay o1 -o lowerdir=/,upperdir=$PWD/u1,workdir=$PWD/w1 m1
            mount -t overlay o2 -o lowerdir=$PWD/m1,upperdir=$PWD/u2,workdir=$PWD/w2 m2; cd m2
            for part in proc sys dev; do mount --rbind /$part $part; done; mount -t tmpfs tmpfs run
            mkdir -p old .{build}; mount --rbind {build} .{build}; pivot_root . old; umount -l /old
            {build}/bin/lazaret jail -- sh -c 'cat; exit 3' || echo $?
            JAIL_REQUIRE=inodes {build}/bin/lazaret jail -- echo ran || echo $?"""
        done = subprocess.run(["unshare", "--mount", "bash", "-c", script], input=b"hi\n", capture_output=True, timeout=60)
        self.assertEqual(done.stdout, b"hi\n3\n125\n", done.stderr)
        self.assertIn(b"inodes", done.stderr)

    def test_proc(self):
        self.assertEqual(jail(cmd=("ls", "/proc")).returncode, 2)
        done = jail("--proc", cmd=("sh", "-c", "cd /proc && echo *"))
        self.assertIn(b"self", done.stdout)
        self.assertNotIn(b"kcore", done.stdout)

    def test_the_default_policy_is_small(self):
        done = python("import os\n"
                      "print(os.getuid(), os.uname().nodename, sorted(os.listdir('/')), os.listdir('/tmp'))\n"
                      "for p in '/usr/x', '/etc/x', '/x', '/dev/x':\n"
                      "  try: open(p, 'w')\n"
                      "  except OSError as e: print(e.errno)\n"
                      "open('/tmp/x', 'w')")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.decode().splitlines()
        self.assertTrue(lines[0].startswith("1000 lazaret ['bin', 'dev', 'etc', 'lib'"), lines[0])
        self.assertNotIn("root", lines[0])
        self.assertEqual(lines[1:], [str(errno.EROFS)] * 4)

    def test_no_network(self):
        done = python("import socket\ntry: socket.create_connection(('127.0.0.1', 1), 1)\n"
                      "except OSError as e: print(e.errno)\n"
                      "print([n for _, n in socket.if_nameindex()])", "--net", "none")
        self.assertEqual(done.stdout.decode().split("\n")[:2], [str(errno.ENETUNREACH), "['lo']"])

    def test_json_tells_what_was_used(self):
        done = python("x = bytearray(50 << 20)\nfor i in range(3000000): pass\nprint('x' * 999)", "--json")
        told = outcome(done)
        self.assertEqual((told["stdout_bytes"], told["exit_status"], told["stderr_bytes"]), (1000, 0, 0))
        self.assertGreater(told["peak_memory"], 50 << 20)
        self.assertGreater(told["cpu_sec"], 0.03)
        self.assertGreaterEqual(told["wall_sec"] * os.cpu_count() * 1.5, told["cpu_sec"])
        self.assertGreaterEqual(told["processes"], 1)

    def test_explain_and_help_run_nothing(self):
        for words in (["--explain"], ["--help"], ["--preset", "jobs", "--explain", "--", "/usr/bin/echo", "ran"]):
            done = subprocess.run([LAZARET, "jail", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertGreater(len(done.stdout), 2000)
            self.assertNotIn(b"\nran", done.stdout)
        with open("/dev/full", "wb") as full:
            self.assertEqual(subprocess.run([LAZARET, "jail", "--help"], stdout=full, timeout=60).returncode, 125)

    def test_self_test(self):
        done = subprocess.run([LAZARET, "jail", "--self-test"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        for layer in ("user", "seccomp", "root", "memory"):
            self.assertRegex(done.stdout.decode(), rf"(?m)^{layer} +active +required ")


class Binds(NeedsRoot):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-bind-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_read_only(self):
        (self.folder / "f").write_text("content\n")
        self.folder.chmod(0o755)
        done = jail("--bind", f"{self.folder}:/data/here", "--bind", f"{self.folder}/f:/one",
                    cmd=("sh", "-c", "cat /data/here/f /one; echo x > /data/here/f; echo x > /data/here/new"))
        self.assertEqual(done.stdout, b"content\ncontent\n")
        self.assertEqual(done.stderr.count(b"Read-only file system"), 2)
        self.assertEqual((self.folder / "f").read_text(), "content\n")

    def test_writable_as_its_owner(self):
        (self.folder / "old").write_text("old")
        (self.folder / "others").write_text("others")
        os.chown(self.folder / "others", 1234, 1234)
        for owner in (0, 4321):
            os.chown(self.folder, owner, owner)
            os.chown(self.folder / "old", owner, owner)
            done = python("import os\n"
                          "os.chdir('/out')\n"
                          "assert open('old').read() == 'old'\n"
                          "open('old', 'a').write('')\n"
                          "os.mkdir('sub'); open('sub/new', 'w').write('new')\n"
                          "try: open('others', 'w')\n"
                          "except OSError as e: print(e.errno)\n", "--bind", f"{self.folder}:/out:rw")
            self.assertEqual((done.returncode, done.stdout), (0, b"%d\n" % errno.EACCES), done.stderr)
            new = self.folder / "sub" / "new"
            self.assertEqual(((os.stat(new).st_uid, os.stat(new).st_gid), new.read_text()), ((owner, owner), "new"))
            shutil.rmtree(self.folder / "sub")

    def test_no_set_user_id_file_can_be_left_behind(self):
        done = python("import os, ctypes\n"
                      "os.chdir('/out'); libc = ctypes.CDLL(None)\n"
                      "open('f', 'w').close(); fd = os.open('f', os.O_RDWR)\n"
                      "for bits in 0o4755, 0o2755, 0o6777:\n"
                      "  for attempt in (lambda: os.chmod('f', bits), lambda: os.fchmod(fd, bits),\n"
                      "                  lambda: os.open(f'o{bits}', os.O_CREAT | os.O_WRONLY, bits),\n"
                      "                  lambda: os.open('.', os.O_TMPFILE | os.O_WRONLY, bits),\n"
                      "                  lambda: os.mknod(f'm{bits}', 0o100000 | bits)):\n"
                      "    try: attempt(); print('ALLOWED')\n"
                      "    except PermissionError: pass\n"
                      "  path, how = b'two', (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, bits, 0)\n"
                      "  if libc.syscall(437, -100, path, how, 24) >= 0: print('openat2 ALLOWED')\n"
                      "  if libc.syscall(452, -100, b'f', bits, 0) == 0: print('fchmodat2 ALLOWED')\n"
                      "  if libc.syscall(85, b'creat', bits) >= 0: print('creat ALLOWED')\n"
                      "os.chmod('f', 0o777); os.mkdir('d'); print('done')", "--bind", f"{self.folder}:/out:rw")
        self.assertEqual((done.returncode, done.stdout), (0, b"done\n"), done.stderr)
        for path in self.folder.rglob("*"):
            self.assertEqual(path.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID), 0, path)

    def test_nor_a_device(self):
        done = python("import os\ntry: os.mknod('/out/d', 0o20666, os.makedev(1, 3))\n"
                      "except PermissionError: print('refused')", "--bind", f"{self.folder}:/out:rw")
        self.assertEqual(done.stdout, b"refused\n")

    def test_links_lead_nowhere_but_inside(self):
        os.symlink("/root", self.folder / "out")
        done = jail("--bind", f"{self.folder}:/w:rw", cmd=("sh", "-c", "ls /w/out/ || ls /w/../../root"))
        self.assertNotEqual(done.returncode, 0)

    def test_a_private_directory_above_it_is_no_obstacle(self):
        self.folder.chmod(0o700)
        inner = self.folder / "inner"
        inner.mkdir()
        (inner / "f").write_text("x")
        self.assertEqual(jail("--bind", f"{inner}:/w:rw", cmd=("cat", "/w/f")).stdout, b"x")
        self.assertEqual(jail("--bind", f"{inner}:/w", cmd=("cat", "/w/f")).stdout, b"x")


class Presets(NeedsRoot):
    """Each runs a real program, and its limits are in force."""

    PYTHON = ("import os, resource, json\n"
              "def writes(p):\n"
              "  try: open(p + '/x', 'w').close(); return True\n"
              "  except OSError: return False\n"
              "v = os.statvfs\n"
              "print(json.dumps({'cwd': os.getcwd(), 'host': os.uname().nodename, 'env': dict(os.environ),\n"
              "  'files': resource.getrlimit(resource.RLIMIT_NOFILE)[0], 'as': resource.getrlimit(resource.RLIMIT_AS)[0],\n"
              "  'proc': os.path.exists('/proc/self'), 'writes': [p for p in PLACES if writes(p)],\n"
              "  'size': {p: v(p).f_blocks * v(p).f_frsize >> 20 for p in PLACES if os.path.exists(p)}}))\n")

    def look(self, preset, *places):
        done = jail("--preset", preset, "--json", cmd=("/usr/bin/python3", "-c", f"PLACES = {list(places)}\n{self.PYTHON}"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_triage(self):
        seen = self.look("triage", "/work", "/tmp", "/usr")
        self.assertEqual((seen["cwd"], seen["writes"], seen["size"]["/work"]), ("/work", ["/work"], 512))
        self.assertEqual((seen["files"], seen["as"], seen["proc"]), (1024, 1 << 30, True))
        self.assertEqual(seen["env"]["PIP_NO_CACHE_DIR"], "1")
        done = python("import os\nfor i in range(60): os.write(1, b'x' * 65536)", "--preset", "triage", "--json")
        self.assertEqual((done.returncode, len(done.stdout), outcome(done)["stdout_bytes"]),
                         (0, 1 << 20, 60 * 65536))  # the rest is dropped

    def test_snekbox(self):
        seen = self.look("snekbox", "/home", "/dev/shm", "/tmp", "/")
        self.assertEqual((seen["cwd"], seen["host"], seen["writes"]), ("/home", "snekbox", ["/home", "/dev/shm"]))
        self.assertEqual((seen["size"]["/home"], seen["size"]["/dev/shm"]), (48, 40))
        self.assertEqual((seen["as"], seen["proc"]), (700 << 20, False))
        self.assertEqual(seen["env"]["LANG"], "en_US.UTF-8")
        cmd = ("/usr/bin/python3", "-c", "x = bytearray(200 << 20)\nx[::4096] = b'x' * len(x[::4096])")
        self.assertEqual(jail("--preset", "snekbox", cmd=cmd).returncode, 137)
        cmd = ("/usr/bin/python3", "-c", "import os\nn = 1\ntry:\n  while os.fork(): n += 1\n  os.pause()\n"
                                         "except OSError: print(n)")
        cmd = ("/usr/bin/python3", "-c", "import os, signal\nn = 1\ntry:\n  while True:\n    if not os.fork(): signal.pause()\n"
                                         "    n += 1\nexcept BlockingIOError: print(n)")
        self.assertEqual(jail("--preset", "snekbox", cmd=cmd).stdout, b"15\n")
        cmd = ("/usr/bin/python3", "-c", "while True: print('x' * 10000)")
        done = jail("--preset", "snekbox", "--json", cmd=cmd)
        self.assertEqual((outcome(done)["ended"], len(done.stdout)), ("output_limit", 1_000_000))
        done = jail("--preset", "snekbox", "--json", cmd=("/usr/bin/sleep", "30"))
        self.assertEqual(outcome(done)["ended"], "wall_timeout")
        self.assertAlmostEqual(outcome(done)["wall_sec"], 6, delta=1)

    def test_quartermaster(self):
        seen = self.look("quartermaster", "/workspace", "/tmp", "/metadata", "/usr", "/etc")
        self.assertEqual((seen["cwd"], seen["writes"]), ("/workspace", ["/workspace", "/tmp", "/metadata"]))
        self.assertEqual((seen["size"]["/workspace"], seen["size"]["/tmp"], seen["proc"]), (512, 512, True))
        done = python("x = bytearray(400 << 20)\nx[::4096] = b'x' * len(x[::4096])", "--preset", "quartermaster")
        self.assertEqual(done.returncode, 137)

    def test_jobs(self):
        seen = self.look("jobs", "/workspace/code", "/workspace/input", "/workspace/output", "/tmp", "/usr")
        self.assertEqual((seen["cwd"], seen["writes"]), ("/workspace/code", ["/workspace/output", "/tmp"]))
        self.assertEqual((seen["size"]["/tmp"], seen["proc"]), (64, True))
        self.assertEqual(seen["env"]["JOB_OUTPUT_DIR"], "/workspace/output")
        done = python("x = bytearray(700 << 20)\nx[::4096] = b'x' * len(x[::4096])", "--preset", "jobs")
        self.assertEqual(done.returncode, 137)

    def test_compile(self):
        seen = self.look("compile", "/work", "/tmp", "/usr")
        self.assertEqual((seen["cwd"], seen["writes"], seen["files"]), ("/work", ["/work", "/tmp"], 4096))
        script = "echo 'int main(void) { return 42; }' > a.c && cc a.c && ./a.out"
        self.assertEqual(jail("--preset", "compile", cmd=("sh", "-c", script)).returncode, 42)


class AsAnotherUser(NeedsRoot):
    """No root, no uids but the own: user namespaces. Where no cgroup is delegated, the layers of it are not required."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A copy where that user can reach it: the build may lie below somebody's home.
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-user-", dir="/var/tmp"))
        cls.folder.chmod(0o755)
        for name in ("lazaret", "lazaret-probe"):
            shutil.copy(BUILD / "bin" / name, cls.folder)
        # As a service manager delegates to a user: a group of its own in each hierarchy.
        cls.groups = []
        for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and not {"memory", "pids", "cpu", "cpuacct"} & set(controllers.split(",")):
                continue
            root = pathlib.Path("/sys/fs/cgroup", controllers) if controllers else next(
                (p for p in (pathlib.Path("/sys/fs/cgroup/unified"), pathlib.Path("/sys/fs/cgroup"))
                 if (p / "cgroup.controllers").exists()), None)
            parent = next((p for p in (root and root / path.lstrip("/"), root) if p and p.is_dir()), None)
            if not parent:
                continue
            group = parent / f"lazaret-test-{os.getpid()}"
            group.mkdir()
            cls.groups.append(group)
            os.chown(group, NOBODY, NOBODY)
            for file in group.iterdir():
                if file.name in ("cgroup.procs", "tasks", "cgroup.subtree_control", "cgroup.threads"):
                    os.chown(file, NOBODY, NOBODY)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        for group in cls.groups:
            eventually(lambda: cls.removed(group), f"{group} is empty")

    @staticmethod
    def removed(group):
        for inner in (group / "lazaret.service", group):  # v2: where the command's own processes were moved to
            with contextlib.suppress(OSError):
                inner.rmdir()
        return not group.exists()

    def run_as_nobody(self, *words, delegated=True, **more):
        def become():
            for group in self.groups if delegated else ():
                (group / "cgroup.procs").write_text("0")
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        return subprocess.run([str(self.folder / "lazaret"), "jail", *words], preexec_fn=become, cwd="/",
                              capture_output=True, timeout=60, **more)

    def test_it_runs(self):
        done = self.run_as_nobody("--json", "--", "python3", "-c", "import os; print(input(), os.getuid())", input=b"hi\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"hi 1000\n"), done.stderr)
        self.assertEqual(outcome(done)["ended"], "exited")

    def test_exit_status_and_limits(self):
        self.assertEqual(self.run_as_nobody("--", "sh", "-c", "exit 9").returncode, 9)
        self.assertEqual(self.run_as_nobody("--", "no-such").returncode, 127)
        done = self.run_as_nobody("--wall", "0.5", "--json", "--", "sleep", "30")
        self.assertEqual((done.returncode, outcome(done)["ended"]), (124, "wall_timeout"))
        done = self.run_as_nobody("--cpu", "0.5", "--json", "--", "sh", "-c", "while :; do :; done")
        self.assertEqual((done.returncode, outcome(done)["ended"]), (124, "cpu_timeout"))

    def test_where_no_cgroup_is_delegated_other_limits_stand_in(self):
        def run(*words):
            return self.run_as_nobody("--json", *words, delegated=False)
        done = run("--", "sh", "-c", "echo hi; exit 3")
        self.assertEqual((done.returncode, done.stdout), (3, b"hi\n"), done.stderr)
        hog = "x = bytearray(300 << 20)\nx[::4096] = b'x' * len(x[::4096])"
        self.assertNotEqual(run("--mem", "64M", "--", "python3", "-c", hog).returncode, 0)
        done = run("--cpu", "0.5", "--", "sh", "-c", "while :; do :; done")
        self.assertEqual((done.returncode, outcome(done)["ended"]), (124, "cpu_timeout"))
        done = self.run_as_nobody("--", "true", delegated=False, env={"JAIL_REQUIRE": "memory"})
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"memory", done.stderr)

    def test_what_it_can_write_it_can_bind_writable(self):
        shared = self.folder / "mine"
        shared.mkdir(exist_ok=True)
        os.chown(shared, NOBODY, NOBODY)
        shared.chmod(0o700)
        done = self.run_as_nobody("--bind", f"{shared}:/out:rw", "--", "sh", "-c",
                                  "echo x > /out/f && ! chmod u+s /out/f 2>/dev/null && cat /out/f")
        self.assertEqual((done.returncode, done.stdout), (0, b"x\n"), done.stderr)
        self.assertEqual(os.stat(shared / "f").st_uid, NOBODY)

    def test_self_test(self):
        done = self.run_as_nobody("--self-test")
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())


if __name__ == "__main__":
    main()
