// Each layer alone: applied in a forked child, in throw-away namespaces where it needs some. Every test looks first
// without the layer, so that it fails when the layer does nothing.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>

#include "sandbox/layers/capabilities.hpp"
#include "sandbox/layers/cgroup_entry.hpp"
#include "sandbox/layers/descriptors.hpp"
#include "sandbox/layers/hostname.hpp"
#include "sandbox/layers/init.hpp"
#include "sandbox/layers/no_new_privs.hpp"
#include "sandbox/layers/resource_limits.hpp"
#include "sandbox/layers/session.hpp"
#include "sandbox/layers/user.hpp"
#include "sandbox/seccomp.hpp"

using namespace lazaret::sandbox;

namespace {

/// Runs `body` in a child. Its steps are numbered by line: 0 when all held, else the line of the first that did not.
int in_child(const std::function<int()>& body) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int keep = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 500);
    const int line = body();
    (void)!::write(keep, &line, sizeof line);
    ::_exit(0);
  }
  ::close(ends[1]);
  int line = -1;
  (void)!::read(ends[0], &line, sizeof line);
  ::close(ends[0]);
  ::waitpid(pid, nullptr, 0);
  return line;
}

#define MUST(condition) \
  if (!(condition)) return __LINE__

std::string status_of(pid_t pid, const std::string& name) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

bool put(const std::string& path, const std::string& text) {
  std::ofstream file{path};
  file << text << std::flush;
  return file.good();
}

/// A user namespace in which this process has every capability, as the jail's init has before it drops them.
bool become_root_of_own_namespace(int more = 0) {
  const auto uid = ::getuid(), gid = ::getgid();
  return ::unshare(CLONE_NEWUSER | more) == 0 && put("/proc/self/setgroups", "deny") &&
         put("/proc/self/uid_map", "1000 " + std::to_string(uid) + " 1") &&
         put("/proc/self/gid_map", "1000 " + std::to_string(gid) + " 1");
}

}  // namespace

TEST_CASE("capabilities: all five sets are emptied, and no exec brings one back") {
  CHECK(in_child([] {
          MUST(become_root_of_own_namespace());
          MUST(status_of(::getpid(), "CapEff") != "0000000000000000");
          MUST(drop_capabilities().has_value());
          for (const auto* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
            MUST(status_of(::getpid(), set) == "0000000000000000");
          // Root of a namespace regains its capabilities by exec (capabilities(7)): not with these securebits.
          std::array<int, 2> ends{};
          MUST(::pipe(ends.data()) == 0);
          const pid_t pid = ::fork();
          if (pid == 0) {
            ::dup2(ends[1], 1);
            ::execl("/bin/grep", "grep", "CapPrm:.0000000000000000", "/proc/self/status", nullptr);
            ::_exit(127);
          }
          int status = 0;
          ::waitpid(pid, &status, 0);
          MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
          return 0;
        }) == 0);
}

TEST_CASE("no_new_privs: set, inherited, and never unset") {
  CHECK(in_child([] {
          MUST(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
          MUST(forbid_new_privileges().has_value());
          MUST(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
          MUST(::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0);
          return 0;
        }) == 0);
}

TEST_CASE("user: the jail's own user and group, no supplementary groups, no way back") {
  if (::getuid() != 0) {
    WARN("not run: needs root to map a second uid");
    return;
  }
  CHECK(in_child([] {
          std::array<int, 2> ready{}, mapped{};
          MUST(::pipe(ready.data()) == 0 && ::pipe(mapped.data()) == 0);
          const pid_t pid = ::fork();
          if (pid == 0) {
            char byte = 0;
            if (::unshare(CLONE_NEWUSER) != 0) ::_exit(1);
            (void)!::write(ready[1], "r", 1);
            (void)!::read(mapped[0], &byte, 1);
            if (::getuid() == inside_id) ::_exit(2);
            if (!become_inside_user(true)) ::_exit(3);
            if (::getuid() != inside_id || ::geteuid() != inside_id || ::getgid() != inside_id) ::_exit(4);
            if (::getgroups(0, nullptr) != 0) ::_exit(5);
            if (::setuid(0) == 0) ::_exit(6);
            ::_exit(0);
          }
          char byte = 0;
          (void)!::read(ready[0], &byte, 1);
          const auto proc = "/proc/" + std::to_string(pid);
          MUST(put(proc + "/uid_map", "1000 1799999999 1") && put(proc + "/gid_map", "1000 1799999999 1"));
          (void)!::write(mapped[1], "m", 1);
          int status = 0;
          ::waitpid(pid, &status, 0);
          return WIFEXITED(status) ? -WEXITSTATUS(status) : __LINE__;
        }) == 0);
}

TEST_CASE("rlimits: soft and hard, as the policy says") {
  CHECK(in_child([] {
          limits what;
          what.cpu = std::chrono::milliseconds{1500};
          what.open_files = 64;
          what.file_size = 1_MiB;
          what.address_space = 512_MiB;
          const auto is = [](__rlimit_resource which, rlim_t soft, rlim_t hard) {
            rlimit now{};
            return ::getrlimit(which, &now) == 0 && now.rlim_cur == soft && now.rlim_max == hard;
          };
          MUST(!is(RLIMIT_NOFILE, 64, 64) && !is(RLIMIT_CPU, 3, 4) && !is(RLIMIT_FSIZE, 1 << 20, 1 << 20));
          MUST(set_resource_limits(what, {}).has_value());
          MUST(is(RLIMIT_NOFILE, 64, 64) && is(RLIMIT_CPU, 3, 4) && is(RLIMIT_FSIZE, 1 << 20, 1 << 20));
          MUST(is(RLIMIT_AS, 512 << 20, 512 << 20) && is(RLIMIT_CORE, 1, 1) && is(RLIMIT_SIGPENDING, 1024, 1024) &&
               is(RLIMIT_MSGQUEUE, 0, 0));
          MUST(is(RLIMIT_MEMLOCK, 64 << 10, 64 << 10));
          (void)drop_capabilities();  // root may raise its limits
          what.open_files = 128;      // above what the process itself has by now: it can't be given
          const auto more = set_resource_limits(what, {});
          MUST(!more && more.error().error == EPERM && is(RLIMIT_NOFILE, 64, 64));
          const int fd = ::memfd_create("x", MFD_CLOEXEC);
          ::signal(SIGXFSZ, SIG_IGN);
          MUST(::pwrite(fd, "x", 1, 1 << 20) < 0 && errno == EFBIG);
          while (::dup(fd) >= 0) continue;
          MUST(errno == EMFILE && ::fcntl(63, F_GETFD) >= 0 && ::fcntl(64, F_GETFD) < 0);
          return 0;
        }) == 0);
}

TEST_CASE("session: of its own, without a terminal, no signal ignored or blocked") {
  CHECK(in_child([] {
          ::signal(SIGTERM, SIG_IGN);
          sigset_t all;
          sigfillset(&all);
          ::sigprocmask(SIG_SETMASK, &all, nullptr);
          ::umask(0);
          MUST(::getsid(0) != ::getpid());
          MUST(start_own_session(ignored_signals()).has_value());
          MUST(::getsid(0) == ::getpid() && ::open("/dev/tty", O_RDWR) < 0);
          MUST(status_of(::getpid(), "SigIgn") == "0000000000000000");
          MUST(status_of(::getpid(), "SigBlk") == "0000000000000000");
          MUST(::umask(0) == 022);
          return 0;
        }) == 0);
}

TEST_CASE("descriptors: four are kept, in their places, and all others closed") {
  CHECK(in_child([] {
          const own_descriptors own{.standard_input = ::open("/dev/zero", O_RDONLY),
                                    .standard_output = ::open("/dev/full", O_WRONLY),
                                    .standard_error = ::open("/dev/null", O_WRONLY),
                                    .status = ::memfd_create("status", 0)};
          const int directory = ::open("/", O_RDONLY | O_DIRECTORY);
          const int high = ::fcntl(directory, F_DUPFD, 400);
          MUST(high >= 400 && own.standard_input > status_fd);
          const int keep = ::fork();  // the pipe that reports is closed, too: a child of the child looks
          if (keep == 0) {
            if (!keep_own_descriptors(own)) ::_exit(1);
            for (int fd = 4; fd < 1024; ++fd)
              if (::fcntl(fd, F_GETFD) >= 0) ::_exit(2);
            char byte = 1;
            if (::read(0, &byte, 1) != 1 || byte != 0) ::_exit(3);
            if (::write(1, "x", 1) >= 0 || errno != ENOSPC) ::_exit(4);
            if ((::fcntl(status_fd, F_GETFD) & FD_CLOEXEC) == 0) ::_exit(5);
            ::_exit(0);
          }
          int status = 0;
          ::waitpid(keep, &status, 0);
          return WIFEXITED(status) ? -WEXITSTATUS(status) : __LINE__;
        }) == 0);
}

TEST_CASE("uts: the policy's host name, and no domain") {
  CHECK(in_child([] {
          MUST(become_root_of_own_namespace(CLONE_NEWUTS));
          policy what;
          what.hostname = "ward-9";
          utsname host{};
          MUST(::uname(&host) == 0 && std::string{host.nodename} != what.hostname);
          MUST(name_host(what).has_value());
          MUST(::uname(&host) == 0 && std::string{host.nodename} == what.hostname);
          MUST(std::string{host.domainname} == "(none)");
          return 0;
        }) == 0);
}

TEST_CASE("init: can't be looked into by its own user, and dies with its jailer") {
  CHECK(in_child([] {
          // The looker has no capability: those would let it look anywhere.
          const auto can_look = [](pid_t at) {
            const pid_t looker = ::fork();
            if (looker == 0) {
              (void)drop_capabilities();
              ::_exit(::open(("/proc/" + std::to_string(at) + "/mem").c_str(), O_RDONLY) >= 0 ? 1 : 0);
            }
            int status = 0;
            ::waitpid(looker, &status, 0);
            return WEXITSTATUS(status) == 1;
          };
          MUST(become_root_of_own_namespace());
          std::array<int, 2> ends{}, pids{}, said{}, go{};
          MUST(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0);
          MUST(::pipe(pids.data()) == 0 && ::pipe(said.data()) == 0 && ::pipe(go.data()) == 0);
          char byte = 0;
          const pid_t jailer = ::fork();
          if (jailer == 0) {
            const pid_t child = ::fork();
            if (child == 0) {
              (void)drop_capabilities();
              (void)!::write(said[1], "1", 1);
              (void)!::read(go[0], &byte, 1);
              if (!become_opaque() || !die_with_jailer(ends[0])) ::_exit(1);
              (void)!::write(said[1], "2", 1);
              for (;;) ::pause();
            }
            (void)!::write(pids[1], &child, sizeof child);
            for (;;) ::pause();
          }
          pid_t init = 0;
          MUST(::read(pids[0], &init, sizeof init) == sizeof init);
          MUST(::read(said[0], &byte, 1) == 1);
          MUST(can_look(init));
          (void)!::write(go[1], "g", 1);
          MUST(::read(said[0], &byte, 1) == 1 && byte == '2');
          MUST(!can_look(init));
          const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, init, 0));
          ::kill(jailer, SIGKILL);
          ::waitpid(jailer, nullptr, 0);
          pollfd gone{pidfd, POLLIN, 0};
          MUST(::poll(&gone, 1, 5000) == 1);
          return 0;
        }) == 0);
}

TEST_CASE("init: does not begin when its jailer is gone already") {
  CHECK(in_child([] {
          std::array<int, 2> ends{};
          MUST(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0);
          MUST(die_with_jailer(ends[0]).has_value());
          ::close(ends[1]);
          MUST(die_with_jailer(ends[0]).has_error());
          return 0;
        }) == 0);
}

TEST_CASE("cgroup: the own group becomes the root of what can be seen") {
  CHECK(in_child([] {
          const auto sees_path = [] {
            std::ifstream groups{"/proc/self/cgroup"};
            for (std::string line; std::getline(groups, line);)
              if (!line.ends_with(":/")) return true;
            return false;
          };
          const bool could = sees_path();
          MUST(become_root_of_own_namespace());
          MUST(hide_cgroup_path().has_value());
          MUST(!sees_path());
          return could ? 0 : -1;
        }) == 0);
}
