// What a jailed program can see and reach.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "sandbox/layers/landlock.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using Catch::Matchers::Contains;

TEST_CASE("The root is read-only and holds what the policy lists, nothing else") {
  started_jailer jails;
  auto what = python(R"(
import os, errno
print(sorted(os.listdir('/')))
for path in ['/x', '/usr/x', '/etc/x', '/etc/passwd', '/dev/x', '/inmates/x', '/run/x']:
    try: open(path, 'w'); print('wrote', path)
    except OSError as e: assert e.errno in (errno.EROFS, errno.ENOENT), (path, e)
for path in ['/etc/passwd', '/bin', '/usr/bin/python3']:
    try: os.unlink(path); print('unlinked', path)
    except OSError as e: assert e.errno == errno.EROFS, (path, e)
print(open('/etc/motd').read(), os.readlink('/lnk'), sorted(os.listdir('/dev')))
open('/dev/null', 'w').write('x')
assert open('/dev/zero', 'rb').read(4) == bytes(4)
assert len(open('/dev/urandom', 'rb').read(8)) == 8
)");
  what.files.push_back({"/etc/motd", "quarantined"});
  what.links.push_back({"/lnk", "etc/motd"});
  const auto ran = run(jails.client(), what);
  CHECK(ran.err == "");
  CHECK(ran.out ==
        "['bin', 'dev', 'etc', 'inmates', 'lib', 'lib64', 'lnk', 'sbin', 'usr']\n"
        "quarantined etc/motd ['full', 'null', 'random', 'urandom', 'zero']\n");
}

TEST_CASE("Nothing of the host's files, processes, names and users is visible") {
  started_jailer jails;
  auto what = python(R"(
import os, socket
for path in ['/root', '/etc/shadow', '/home', '/proc/1/environ', '/sys', '/work', '/.old', '/proc/sys', '/proc/kcore']:
    try: os.stat(path); print('sees', path)
    except OSError: pass
print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()) == [os.getpid()], os.getpid(), os.getppid())
print(socket.gethostname(), os.getuid(), os.getgid(), os.getgroups(), os.uname().nodename)
for name in ['environ', 'mem', 'maps', 'fd/0', 'root']:
    try: os.stat('/proc/1/' + name); open('/proc/1/' + name).read(); print('reads', name)
    except OSError: pass
for n in (9, 15, 19):
    try: os.kill(1, n)
    except PermissionError: pass  # with Landlock's scopes; without them init's own namespace ignores it
print(open('/proc/self/cgroup').read().count('lazaret'))
)");
  what.mount_proc = true;
  what.hostname = "ward-7";
  const auto ran = run(jails.client(), what);
  CHECK(ran.err == "");
  CHECK(ran.out == "True 2 1\nward-7 1000 1000 [] ward-7\n0\n");
  CHECK(ran.how.reason == ending::exited);
}

TEST_CASE("A jailed program has no capability, can gain none, and is filtered") {
  started_jailer jails;
  auto what = python("print(open('/proc/self/status').read())");
  what.mount_proc = true;
  const auto ran = run(jails.client(), what);
  for (const auto* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    CHECK_THAT(ran.out, Contains(std::string{set} + ":\t0000000000000000"));
  CHECK_THAT(ran.out, Contains("NoNewPrivs:\t1"));
  CHECK_THAT(ran.out, Contains("Seccomp:\t2"));
  CHECK_THAT(ran.out, Contains("SigBlk:\t0000000000000000"));
}

TEST_CASE("The environment and the arguments are exactly the policy's") {
  started_jailer jails;
  auto what = python("import os, sys; print(dict(os.environ), sys.argv)");
  what.argv.push_back("a b");
  what.environment = {"A=1", "B="};
  CHECK(run(jails.client(), what).out == "{'A': '1', 'B': '', 'LC_CTYPE': 'C.UTF-8'} ['-c', 'a b']\n");
}

TEST_CASE("A program is born with three descriptors") {
  started_jailer jails;
  auto what = inmate({"descriptors"});
  CHECK(run(jails.client(), what).out == "0 1 2 ");
  what.observe = what.audit_channel = true;
  what.network = network_mode::gateway;
  CHECK(run(jails.client(), what).out == "0 1 2 ");
}

TEST_CASE("Resource limits are in force") {
  started_jailer jails;
  auto what = python(R"(
import resource as r
print([r.getrlimit(n) for n in (r.RLIMIT_NOFILE, r.RLIMIT_FSIZE, r.RLIMIT_CORE, r.RLIMIT_AS)])
try: bytearray(1 << 30); print('got 1 GiB')
except MemoryError: print('MemoryError')
)");
  what.limits.open_files = 77;
  what.limits.file_size = 1_MiB;
  what.limits.address_space = 512_MiB;
  CHECK(run(jails.client(), what).out ==
        "[(77, 77), (1048576, 1048576), (1, 1), (536870912, 536870912)]\nMemoryError\n");
}

TEST_CASE("A tmpfs ends at its size and at its number of files, and runs nothing unless told so") {
  started_jailer jails;
  auto what = python(R"(
import errno, os
def until_refused(act):
    for n in range(100000):
        try: act(n)
        except OSError as e: return n, errno.errorcode[e.errno]
with open('/small/x', 'wb', buffering=0) as f: print(until_refused(lambda n: f.write(bytes(65536))))
os.unlink('/small/x')
n, why = until_refused(lambda n: open(f'/few/{n}', 'x'))
print(n < 16, why)
open('/small/run', 'w').write('#!/bin/true')
os.chmod('/small/run', 0o755)
try: os.execv('/small/run', ['run'])
except OSError as e: print(errno.errorcode[e.errno])
)");
  what.tmpfs.push_back({.target = "/small", .size = 1_MiB});
  what.tmpfs.push_back({.target = "/few", .size = 1_MiB, .inodes = 16});
  const auto ran = run(jails.client(), what);
  CHECK(ran.err == "");
  CHECK(ran.out == "(16, 'ENOSPC')\nTrue ENOSPC\nEACCES\n");
}

TEST_CASE("A later bind covers a directory below an earlier one") {
  started_jailer jails;
  auto what = python("import os; print(os.listdir('/usr/games') == os.listdir('/inmates'))");
  what.binds.push_back({.source = LAZARET_BINARY_DIR "/inmates", .target = "/usr/games"});
  CHECK(run(jails.client(), what).out == "True\n");
}

TEST_CASE("Without a network there is no loopback either") {
  started_jailer jails;
  const auto ran = run(jails.client(), python(R"(
import socket
print(socket.if_nameindex())
for address in ('127.0.0.1', '1.1.1.1', '169.254.169.254'):
    try: socket.create_connection((address, 80), 1)
    except OSError as e: print(e.strerror)
)"));
  CHECK(ran.out == "[(1, 'lo')]\nNetwork is unreachable\nNetwork is unreachable\nNetwork is unreachable\n");
}

TEST_CASE("A file as standard input can be opened again for reading, and for nothing else") {
  started_jailer jails;
  char name[] = "/tmp/lazaret-input-XXXXXX";
  const unique_fd writer{::mkstemp(name)};
  REQUIRE(::write(writer.get(), "quarantined", 11) == 11);
  ::fchmod(writer.get(), 0666);
  auto what = python(R"(
import errno, os
print(open('/dev/stdin').read())
for flags in (os.O_WRONLY, os.O_RDWR):
    try: os.open('/proc/self/fd/0', flags); print('opened for more')
    except OSError as e: print(errno.errorcode[e.errno])
)");
  what.mount_proc = true;
  const auto ran = run(jails.client(), what, {}, unique_fd{::open(name, O_RDONLY | O_CLOEXEC)});
  ::unlink(name);
  CHECK(ran.err == "");
  if (landlock_abi() >= least_landlock_abi)
    CHECK(ran.out == "quarantined\nEACCES\nEACCES\n");
  else
    WARN("not looked at: this kernel has no Landlock, which is what refuses");
}

TEST_CASE("What honest programs do with files, sockets and devices goes on working behind Landlock") {
  started_jailer jails;
  auto what = python(R"(
import os, shutil, socket, subprocess, sys, tempfile, threading
os.makedirs('/w/a'); os.makedirs('/w/b')
open('/w/a/x', 'w').write('x')
os.rename('/w/a/x', '/w/b/y'); os.link('/w/b/y', '/w/a/z'); os.symlink('../b/y', '/w/a/l')
shutil.move('/w/b/y', '/tmp/y'); shutil.copy('/usr/bin/true', '/w/true'); os.truncate('/w/a/z', 0)
open('/w/run', 'w').write('#!/bin/sh\nread line < /dev/stdin; echo "$line $0" > /dev/stdout; echo e 2>/dev/null >&2')
os.chmod('/w/run', 0o755)
print(subprocess.run(['/w/run'], input='in\n', capture_output=True, text=True).stdout, end='')
print(subprocess.run(['/w/true']).returncode, subprocess.run('cat /dev/null > /dev/null; echo $?', shell=True, capture_output=True).stdout)
subprocess.run(['tee', '/dev/stderr'], input=b'', check=True)
server = socket.socket(socket.AF_UNIX); server.bind('/w/sock'); server.listen()
client = socket.socket(socket.AF_UNIX); client.connect('/w/sock')
hidden = socket.socket(socket.AF_UNIX); hidden.bind('\0name'); hidden.listen()
other = subprocess.run([sys.executable, '-c', 'import socket; socket.socket(socket.AF_UNIX).connect("\\0name"); print("met")'], capture_output=True, text=True)
print(other.stdout + other.stderr, end='')
child = subprocess.Popen(['sleep', '60']); child.terminate(); print(child.wait())
with tempfile.TemporaryFile() as f:
    f.write(b'1'); print(open(f'/proc/self/fd/{f.fileno()}', 'r+b').name)
fd = os.memfd_create('m'); open(f'/proc/self/fd/{fd}', 'wb').write(b'1')
print(open('/dev/null', 'w').isatty(), threading.Thread(name='t').start())
)");
  what.mount_proc = true;
  what.tmpfs.push_back({.target = "/tmp"});
  what.tmpfs.push_back({.target = "/w", .executable = true});
  const auto ran = run(jails.client(), what);
  CHECK(ran.err == "");
  CHECK_THAT(ran.out, Catch::StartsWith("in /w/run\n0 b'0\\n'\nmet\n-15\n/proc/self/fd/"));
  CHECK_THAT(ran.out, Catch::EndsWith("\nFalse None\n"));
}

TEST_CASE("The gateway is reached from inside, served from outside, and the only thing there is") {
  started_jailer jails;
  auto what = python(R"(
import socket
with socket.create_connection(('127.0.0.1', 3141), 5) as s:
    s.sendall(b'ping'); print(s.recv(16))
for address in (('1.1.1.1', 80), ('127.0.0.1', 80), ('169.254.169.254', 80)):
    try: socket.create_connection(address, 1); print('connected', address)
    except OSError as e: print(e.strerror)
)");
  what.network = network_mode::gateway;
  auto started = jails.client().start(what);
  REQUIRE(started.has_value());
  const auto gateway = started->take_gateway();
  REQUIRE(gateway);
  std::jthread server{[&] {
    unique_fd client{::accept(gateway.get(), nullptr, nullptr)};
    char ping[4];
    if (::recv(client.get(), ping, 4, MSG_WAITALL) == 4) (void)!::write(client.get(), "pong", 4);
  }};
  const auto ran = collect(*started);
  CHECK(ran.err == "");
  CHECK(ran.out == "b'pong'\nNetwork is unreachable\nConnection refused\nNetwork is unreachable\n");
}

TEST_CASE("The audit channel takes messages out and lets nobody read them inside") {
  started_jailer jails;
  auto what = python(R"(
import os, socket
path = '/run/lazaret/audit.sock'
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(path)
for n in range(1000): s.send(b'{"n":%d}' % n)
s.send(b'x' * 8192)
def refused(act):
    try: act()
    except OSError: return True
print(refused(lambda: open(path)), refused(lambda: os.unlink(path)), refused(lambda: os.rename(path, path + 'x')),
      refused(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(path)))
)");
  what.audit_channel = true;
  const auto ran = run(jails.client(), what);
  CHECK(ran.err == "");
  CHECK(ran.out == "True True True True\n");
  REQUIRE(ran.audit.size() == 1001);
  CHECK(ran.audit[0] == R"({"n":0})");
  CHECK(ran.audit[999] == R"({"n":999})");
  CHECK(ran.audit[1000].size() == 8192);
}

TEST_CASE("A policy of a megabyte is understood") {
  started_jailer jails;
  auto what = python("import hashlib; print(len(open('/data/big').read()))");
  what.files.push_back({"/data/big", std::string(1 << 20, 'x')});
  CHECK(run(jails.client(), what).out == "1048576\n");
}
