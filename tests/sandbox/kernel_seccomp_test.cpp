#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "sandbox/observer.hpp"
#include "sandbox/seccomp.hpp"

using namespace lazaret::sandbox;
namespace fs = std::filesystem;

namespace {

const seccomp_filter& filter() {
  static const seccomp_filter compiled = seccomp_filter::ready({}).value();
  return compiled;
}

constexpr int killed = -SIGSYS;

/// The call that the last body was killed for.
std::string denied;

/// What `body` returns inside a child under the filter (0-125), minus the signal that ended it, `killed` when the
/// observer heard a deadly call of it or its children.
int under_filter(const std::function<int()>& body) {
  int number_pipe[2], go_pipe[2];
  REQUIRE(::pipe2(number_pipe, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(go_pipe, O_CLOEXEC) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    auto listener = filter().install();
    const int number = listener ? listener->get() : -1;
    char go = 0;
    if (::write(number_pipe[1], &number, sizeof number) < 0 || ::read(go_pipe[0], &go, 1) != 1) ::_exit(126);
    if (listener) listener->reset();
    ::_exit(body());
  }
  int number = -1;
  REQUIRE(::read(number_pipe[0], &number, sizeof number) == sizeof number);
  const unique_fd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  observer watcher{take_listener(process.get(), number).value(), {}};
  REQUIRE(::write(go_pipe[1], "g", 1) == 1);
  for (const int fd : {number_pipe[0], number_pipe[1], go_pipe[0], go_pipe[1]}) ::close(fd);
  for (;;) {
    std::array ready{pollfd{watcher.fd(), POLLIN, 0}, pollfd{process.get(), POLLIN, 0}};
    REQUIRE(::poll(ready.data(), ready.size(), 60'000) > 0);
    if (ready[1].revents != 0) break;
    if (watcher.handle() == observer::heard::deadly) ::kill(pid, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  denied = watcher.denied();
  if (!denied.empty()) return killed;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// errno of one call, 0 when it succeeded, `killed` when it ended the process.
int attempt(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  return under_filter([&] { return ::syscall(number, a, b, c, d, e, f) == -1 ? errno : 0; });
}

/// Exit code of a program under the filter; its output is dropped.
int run(std::vector<std::string> words, bool quiet = true) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return under_filter([&] {
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, 0);
    if (quiet) ::dup2(nothing, 1);
    ::execv(argv[0], argv.data());
    return 127;
  });
}

struct scratch {
  scratch() {
    char name[] = "/tmp/lazaret-seccomp-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~scratch() { fs::remove_all(path); }
  [[nodiscard]] std::string write(const char* name, const char* text) const {
    std::ofstream{path / name} << text;
    return path / name;
  }
  fs::path path;
};

bool there(const char* program) {
  if (::access(program, X_OK) == 0) return true;
  WARN("not run: " << program << " is not installed");
  return false;
}

}  // namespace

TEST_CASE("what only an attack asks for kills, and is named") {
  const auto [name, number] = GENERATE(table<const char*, long>({{"kexec_load", SYS_kexec_load},
                                                                 {"kexec_file_load", SYS_kexec_file_load},
                                                                 {"init_module", SYS_init_module},
                                                                 {"finit_module", SYS_finit_module},
                                                                 {"delete_module", SYS_delete_module},
                                                                 {"iopl", SYS_iopl},
                                                                 {"ioperm", SYS_ioperm},
                                                                 {"swapon", SYS_swapon},
                                                                 {"swapoff", SYS_swapoff},
                                                                 {"pivot_root", SYS_pivot_root},
                                                                 {"reboot", SYS_reboot},
                                                                 {"open_by_handle_at", SYS_open_by_handle_at}}));
  INFO(name);
  CHECK(attempt(number) == killed);
  CHECK(denied == name);
  CHECK(syscall_name(static_cast<int>(number)) == name);
}

TEST_CASE("what software probes but must not have is refused") {
  const auto [name, number, error] =
      GENERATE(table<const char*, long, int>({{"ptrace", SYS_ptrace, EPERM},
                                              {"process_vm_readv", SYS_process_vm_readv, EPERM},
                                              {"process_vm_writev", SYS_process_vm_writev, EPERM},
                                              {"pidfd_getfd", SYS_pidfd_getfd, EPERM},
                                              {"kcmp", SYS_kcmp, EPERM},
                                              {"bpf", SYS_bpf, EPERM},
                                              {"perf_event_open", SYS_perf_event_open, EPERM},
                                              {"userfaultfd", SYS_userfaultfd, EPERM},
                                              {"keyctl", SYS_keyctl, EPERM},
                                              {"add_key", SYS_add_key, EPERM},
                                              {"request_key", SYS_request_key, EPERM},
                                              {"fanotify_init", SYS_fanotify_init, EPERM},
                                              {"fanotify_mark", SYS_fanotify_mark, EPERM},
                                              {"vmsplice", SYS_vmsplice, EPERM},
                                              {"modify_ldt", SYS_modify_ldt, EPERM},
                                              {"unshare", SYS_unshare, EPERM},
                                              {"setns", SYS_setns, EPERM},
                                              {"mount", SYS_mount, EPERM},
                                              {"umount2", SYS_umount2, EPERM},
                                              {"chroot", SYS_chroot, EPERM},
                                              {"open_tree", SYS_open_tree, EPERM},
                                              {"move_mount", SYS_move_mount, EPERM},
                                              {"fsopen", SYS_fsopen, EPERM},
                                              {"fsconfig", SYS_fsconfig, EPERM},
                                              {"fsmount", SYS_fsmount, EPERM},
                                              {"fspick", SYS_fspick, EPERM},
                                              {"mount_setattr", SYS_mount_setattr, EPERM},
                                              {"name_to_handle_at", SYS_name_to_handle_at, EPERM},
                                              {"quotactl", SYS_quotactl, EPERM},
                                              {"acct", SYS_acct, EPERM},
                                              {"syslog", SYS_syslog, EPERM},
                                              {"vhangup", SYS_vhangup, EPERM},
                                              {"settimeofday", SYS_settimeofday, EPERM},
                                              {"clock_settime", SYS_clock_settime, EPERM},
                                              {"clock_adjtime", SYS_clock_adjtime, EPERM},
                                              {"sethostname", SYS_sethostname, EPERM},
                                              {"setdomainname", SYS_setdomainname, EPERM},
                                              {"mbind", SYS_mbind, EPERM},
                                              {"move_pages", SYS_move_pages, EPERM},
                                              {"io_uring_setup", SYS_io_uring_setup, ENOSYS},
                                              {"io_uring_enter", SYS_io_uring_enter, ENOSYS},
                                              {"io_setup", SYS_io_setup, ENOSYS},
                                              {"clone3", SYS_clone3, ENOSYS},
                                              {"ustat", SYS_ustat, ENOSYS},
                                              {"a call of the future", 999, ENOSYS}}));
  INFO(name);
  CHECK(attempt(number) == error);
}

TEST_CASE("calls of another architecture's table kill") {
  CHECK(attempt(0x40000000 + SYS_getpid) == killed);
  CHECK(denied == "x32:getpid");
  CHECK(attempt(0x40000000 + 999) == killed);
  CHECK(denied == "x32:#999");
  CHECK(attempt(0x40000000 + 520 /* execve of x32 */) == killed);
  CHECK(denied == "x32:execve");
#ifdef __x86_64__
  CHECK(under_filter([] {
          int answer = 0;
          __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20 /* getpid of i386 */));
          return answer > 0 ? 0 : 1;
        }) == killed);
  CHECK(denied == "i386:getpid");
#endif
}

TEST_CASE("clone makes threads and children but no namespace") {
  for (const long flag :
       {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP}) {
    INFO(std::hex << flag);
    CHECK(attempt(SYS_clone, flag | SIGCHLD) == EPERM);
    CHECK(attempt(SYS_clone, flag | CLONE_NEWUSER | CLONE_VM | SIGCHLD) == EPERM);
    // The kernel ignores the upper half of the register; so must the filter.
    CHECK(attempt(SYS_clone, static_cast<long>(0xffffffff00000000UL) | flag | SIGCHLD) == EPERM);
  }
  CHECK(attempt(SYS_clone, SIGCHLD) == 0);
}

TEST_CASE("sockets are of the ordinary families, types and protocols", "[long]") {
  struct row {
    long family, type, protocol;
    int error;
  };
  const row rows[] = {
      {AF_UNIX, SOCK_STREAM, 0, 0},
      {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0},
      {AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, 0},
      {AF_INET, SOCK_STREAM, 0, 0},
      {AF_INET, SOCK_STREAM, IPPROTO_TCP, 0},
      {AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0},
      {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP, 0},
      {AF_INET6, SOCK_DGRAM, 0, 0},
      {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, 0},
      {AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, EPROTONOSUPPORT},
      {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, EPROTONOSUPPORT},
      {AF_INET, SOCK_RAW, IPPROTO_ICMP, EPERM},
      {AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6, EPERM},
      {AF_INET, SOCK_PACKET, 0, EPERM},
      {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, EPROTONOSUPPORT},
      {AF_INET, SOCK_STREAM, 262 /* MPTCP */, EPROTONOSUPPORT},
      {AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, ENOSYS},
      {AF_PACKET, SOCK_RAW, 0, EAFNOSUPPORT},
      {AF_VSOCK, SOCK_STREAM, 0, EAFNOSUPPORT},
      {AF_ALG, SOCK_SEQPACKET, 0, EAFNOSUPPORT},
      {AF_BLUETOOTH, SOCK_RAW, 0, EAFNOSUPPORT},
      {AF_KEY, SOCK_RAW, 2, EAFNOSUPPORT},
      {AF_CAN, SOCK_RAW, 1, EAFNOSUPPORT},
      {AF_TIPC, SOCK_RDM, 0, EAFNOSUPPORT},
      {77, SOCK_STREAM, 0, EAFNOSUPPORT},
      {-1, SOCK_STREAM, 0, EAFNOSUPPORT},
  };
  for (const row& one : rows) {
    INFO(one.family << " " << one.type << " " << one.protocol);
    CHECK(attempt(SYS_socket, one.family, one.type, one.protocol) == one.error);
    // Garbage in the upper half, which the kernel does not see, must not open a way around.
    constexpr long garbage = 0x100000000;
    CHECK(attempt(SYS_socket, one.family + garbage, one.type + garbage, one.protocol + garbage) == one.error);
  }
  int pair[2];
  CHECK(attempt(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, reinterpret_cast<long>(pair)) == 0);
  CHECK(attempt(SYS_socketpair, AF_TIPC, SOCK_RDM, 0, reinterpret_cast<long>(pair)) == EAFNOSUPPORT);
}

TEST_CASE("the terminal can't be typed into, and other requests to it work") {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  char letter = 'x';
  int answer = 0;
  constexpr long garbage = 0x500000000;
  for (const long request : {0x5412L /* TIOCSTI */, 0x541cL /* TIOCLINUX */, 0x5423L /* TIOCSETD */, 0x541dL}) {
    CHECK(attempt(SYS_ioctl, terminal, request, reinterpret_cast<long>(&letter)) == EPERM);
    CHECK(attempt(SYS_ioctl, terminal, request + garbage, reinterpret_cast<long>(&letter)) == EPERM);
  }
  for (const long request : {0x5413L /* TIOCGWINSZ */, 0x541bL /* FIONREAD */, 0x5421L /* FIONBIO */, 0x5451L})
    CHECK(attempt(SYS_ioctl, terminal, request, reinterpret_cast<long>(&answer)) == 0);
  CHECK(attempt(SYS_ioctl, terminal, 0x1234, 0) == ENOTTY);
  ::close(terminal);
}

TEST_CASE("prctl and personality do the ordinary only") {
  CHECK(attempt(SYS_prctl, PR_SET_NAME, reinterpret_cast<long>("name")) == 0);
  CHECK(attempt(SYS_prctl, PR_SET_PDEATHSIG, SIGTERM) == 0);
  CHECK(attempt(SYS_prctl, PR_SET_DUMPABLE, 1) == 0);
  CHECK(attempt(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1) == 0);
  CHECK(attempt(SYS_prctl, PR_SET_MM, PR_SET_MM_BRK, 0) == EPERM);
  CHECK(attempt(SYS_prctl, PR_SET_KEEPCAPS, 1) == EINVAL);
  CHECK(attempt(SYS_prctl, 59 /* PR_SET_SYSCALL_USER_DISPATCH */, 0) == EINVAL);
  CHECK(attempt(SYS_personality, 0xffffffff) == 0);
  CHECK(attempt(SYS_personality, ADDR_NO_RANDOMIZE) == 0);
  CHECK(attempt(SYS_personality, READ_IMPLIES_EXEC) == EPERM);
  CHECK(attempt(SYS_personality, READ_IMPLIES_EXEC + 0x700000000) == EPERM);
  CHECK(attempt(SYS_personality, PER_LINUX32) == EPERM);
}

TEST_CASE("a program may confine itself further but not listen in our place") {
  CHECK(attempt(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0) == EPERM);
  CHECK(attempt(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | 1, 0) == EPERM);
  CHECK(attempt(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 0) == EFAULT);  // it was let through to look for the program
  CHECK(under_filter([] { return filter().install() ? 0 : 1; }) == 1);   // it brings a listener
  CHECK(under_filter([] {
          sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
          const sock_fprog program{1, &allow};
          return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
        }) == 0);
}

TEST_CASE("limits are lowered for oneself only, and never that of core dumps") {
  const auto set = [](pid_t whom, long which, rlim_t to) {
    const rlimit wanted{to, to};
    return ::syscall(SYS_prlimit64, whom, which, &wanted, nullptr) == 0 ? 0 : errno;
  };
  const auto now = [](__rlimit_resource which) {
    rlimit limit{};
    ::getrlimit(which, &limit);
    return limit.rlim_cur;
  };
  for (const long core : {long{RLIMIT_CORE}, RLIMIT_CORE + 0x100000000L})
    CHECK(under_filter([&] {
            const rlimit before{0, RLIM_INFINITY};
            const auto was = now(RLIMIT_CORE);
            const rlim_t wanted = was == 7 ? 6 : 7;
            return set(0, core, wanted) == 0 && ::syscall(SYS_setrlimit, core, &before) == 0 && now(RLIMIT_CORE) == was;
          }) == 1);
  for (const auto which : {RLIMIT_CPU, RLIMIT_STACK, RLIMIT_RSS, RLIMIT_NOFILE, RLIMIT_RTTIME})
    CHECK(under_filter([&] { return set(0, which, 9) == 0 && now(which) == 9; }) == 1);
  CHECK(under_filter([&] { return set(::getppid(), RLIMIT_NOFILE, 9); }) == EPERM);
}

TEST_CASE("device nodes are refused, FIFOs are made") {
  const scratch place;
  const std::string fifo = place.path / "fifo", device = place.path / "device";
  CHECK(attempt(SYS_mknod, reinterpret_cast<long>(fifo.c_str()), S_IFIFO | 0600) == 0);
  CHECK(attempt(SYS_mknod, reinterpret_cast<long>(device.c_str()), S_IFCHR | 0600, 0) == EPERM);
  CHECK(attempt(SYS_mknodat, AT_FDCWD, reinterpret_cast<long>(device.c_str()), S_IFBLK | 0600, 0x700) == EPERM);
  CHECK(!fs::exists(device));
}

TEST_CASE("what libc and runtimes rely on works") {
  CHECK(attempt(SYS_memfd_create, reinterpret_cast<long>("x"), 0) == 0);
  CHECK(attempt(SYS_pidfd_open, ::getpid(), 0) == 0);
  CHECK(attempt(SYS_close_range, 100, 200, 0) == 0);
  CHECK(attempt(SYS_faccessat2, AT_FDCWD, reinterpret_cast<long>("/"), R_OK, 0) == 0);
  CHECK(attempt(SYS_statx, AT_FDCWD, reinterpret_cast<long>("/"), 0, 0, 0) == EFAULT);
  CHECK(attempt(SYS_openat2, AT_FDCWD, reinterpret_cast<long>("/"), 0, 24) == EFAULT);
  CHECK(attempt(SYS_membarrier, 0) == 0);
  CHECK(attempt(SYS_rseq, 0, 0, 0, 0) == EINVAL);
  CHECK(attempt(SYS_landlock_create_ruleset, 0, 0, 1) != EPERM);
  CHECK(attempt(SYS_sync) == 0);
}

TEST_CASE("Python runs with children, threads, process pools and numpy") {
  REQUIRE(there("/usr/bin/python3"));
  CHECK(run({"/usr/bin/python3", "-c", R"(
import subprocess, threading, multiprocessing, socket, tempfile, asyncio, sqlite3, ssl, ctypes, shutil, os
assert subprocess.check_output(['/bin/echo', 'x']) == b'x\n'
subprocess.run('true | cat', shell=True, check=True)
t = threading.Thread(target=print); t.start(); t.join()
with multiprocessing.get_context('fork').Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]
with multiprocessing.get_context('spawn').Pool(1) as pool: assert pool.map(abs, [-3]) == [3]
async def child(): await (await asyncio.create_subprocess_exec('/bin/true')).wait()
asyncio.run(child())
s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname()); s.accept()[0].send(b'x'); c.recv(1)
socket.if_nameindex()
d = tempfile.mkdtemp(); shutil.copytree('/usr/lib/python3/dist-packages/pip' if os.path.isdir('/usr/lib/python3/dist-packages/pip') else '/usr/lib/python3.11/json', d + '/x'); shutil.rmtree(d)
try: import numpy; numpy.linalg.inv(numpy.random.rand(300, 300))
except ImportError: pass
)"}) == 0);
  if (fs::exists("/usr/lib/python3/dist-packages/pip")) CHECK(run({"/usr/bin/python3", "-m", "pip", "list"}) == 0);
}

TEST_CASE("compilers, shells and other runtimes run") {
  const scratch place;
  if (there("/usr/bin/gcc")) {
    const auto source = place.write("hello.c", "int main(void) { return 42; }\n");
    const auto program = place.path / "hello";
    CHECK(run({"/usr/bin/gcc", "-O2", "-flto", source, "-o", program}) == 0);
    CHECK(run({program}) == 42);
    if (there("/usr/bin/make")) {
      (void)place.write("Makefile", "all: hello2 hello3\nhello2 hello3: hello.c\n\t$(CC) $< -o $@\n");
      CHECK(run({"/usr/bin/make", "-j2", "-C", place.path}) == 0);
    }
  }
  if (there("/usr/bin/bash"))
    CHECK(run({"/usr/bin/bash", "-c",
               "set -e; x=$(seq 3 | sort -r | head -1); [ $x = 3 ]; sleep 0 & wait; cat <(echo y)"}) == 0);
  if (there("/usr/bin/git")) {
    const std::string repository = place.path / "repository";
    CHECK(run({"/usr/bin/git", "init", "-q", repository}) == 0);
    CHECK(run({"/usr/bin/git", "-C", repository, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q",
               "--allow-empty", "-m", "x"}) == 0);
  }
  if (there("/usr/bin/node"))
    CHECK(run({"/usr/bin/node", "-e",
               "require('child_process').execSync('true'); new (require('worker_threads').Worker)('1', {eval: true}); "
               "require('fs').promises.readFile('/etc/passwd')"}) == 0);
}

TEST_CASE("the filter that was built in is the one that libseccomp makes now", "[seccomp]") {
  for (const bool observe : {false, true}) {
    const auto built_in = seccomp_filter::ready({.observe = observe});
    const auto fresh = seccomp_filter::compile({.observe = observe});
    REQUIRE(built_in.has_value());
    REQUIRE(fresh.has_value());
    CHECK(std::ranges::equal(built_in->program(), fresh->program()));
  }
  const auto fresh = seccomp_filter::compile_no_set_ids();
  REQUIRE(fresh.has_value());
  CHECK(std::ranges::equal(seccomp_filter::no_set_ids().program(), fresh->program()));
}
