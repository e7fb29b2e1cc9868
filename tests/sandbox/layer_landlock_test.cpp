// What Landlock leaves a process, for every version of it that a kernel may have. No mount helps here: the host's own
// files are in reach, and only the ruleset stops.
#include "sandbox/layers/landlock.hpp"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "sandbox/layers.hpp"
#include "sandbox/unique_fd.hpp"

using namespace lazaret::sandbox;
namespace fs = std::filesystem;

namespace {

/// writable/, runnable/ (a bind), forbidden/: only the policy tells them apart.
struct place {
  place() {
    char name[] = "/tmp/lazaret-landlock-XXXXXX";
    root = ::mkdtemp(name);
    for (const auto* d : {"writable", "writable/a", "writable/b", "noexec", "runnable", "forbidden"})
      fs::create_directory(root / d);
    for (const auto* d : {"writable", "noexec", "runnable", "forbidden"}) {
      fs::copy("/bin/true", root / d / "true");
      std::ofstream{root / d / "file"} << "text";
      std::ofstream{root / d / "script"} << "#!/bin/sh\nexit 7\n";
      fs::permissions(root / d / "script", fs::perms::owner_all);
    }
    what.volumes.push_back({.index = 0, .target = root / "writable", .writable = true, .executable = true});
    what.volumes.push_back({.index = 0, .target = root / "runnable", .writable = false, .executable = true});
    what.tmpfs.push_back({.target = root / "noexec"});
    for (const auto* d : {"/usr", "/lib", "/lib64", "/bin"})
      if (!fs::is_symlink(d)) what.binds.push_back({.source = d, .target = d, .optional = true});
  }
  ~place() { fs::remove_all(root); }
  place(const place&) = delete;

  /// What `body` returns in a child that has these rights and no others.
  [[nodiscard]] int under(int abi, const std::function<int()>& body) const {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      if (abi != 0 && !restrict_by_landlock(what, abi)) ::_exit(126);
      ::_exit(body());
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  [[nodiscard]] int open_error(int abi, const std::string& name, int flags) const {
    return under(abi, [&] { return ::open((root / name).c_str(), flags | O_CLOEXEC, 0600) < 0 ? errno : 0; });
  }
  [[nodiscard]] int run(int abi, const std::string& path) const {
    return under(abi, [&] {
      char* const argv[] = {const_cast<char*>(path.c_str()), nullptr};
      ::execv(path.c_str(), argv);
      return errno == EACCES ? 113 : 114;
    });
  }

  fs::path root;
  policy what;
};

bool there_is_none() {
  if (landlock_abi() >= least_landlock_abi) return false;
  WARN("not run: this kernel has Landlock ABI " << landlock_abi());
  return true;
}

/// The versions up to this kernel's: an older kernel would enforce no more than what is asked for here.
std::vector<int> versions() {
  std::vector<int> all;
  for (int abi = least_landlock_abi; abi <= landlock_abi(); ++abi) all.push_back(abi);
  return all;
}

}  // namespace

TEST_CASE("Landlock: written is only where the policy's tmpfs and writable volumes are") {
  if (there_is_none()) return;
  const place at;
  for (const int abi : versions()) {
    INFO("ABI " << abi);
    for (const auto* name : {"forbidden/file", "runnable/file"}) {
      CHECK(at.open_error(0, name, O_WRONLY) == 0);
      CHECK(at.open_error(abi, name, O_WRONLY) == EACCES);
      CHECK(at.open_error(abi, name, O_RDONLY) == 0);
    }
    for (const auto* name : {"writable/file", "noexec/file", "writable/new", "noexec/new"})
      CHECK(at.open_error(abi, name, O_RDWR | O_CREAT | O_TRUNC) == 0);
    CHECK(at.open_error(abi, "forbidden/new", O_WRONLY | O_CREAT) == EACCES);
    const auto refused = [&](auto call) { return at.under(abi, [&] { return call() == 0 ? 0 : errno; }); };
    const auto path = [&](const char* name) { return (at.root / name).string(); };
    CHECK(refused([&] { return ::mkdir(path("forbidden/d").c_str(), 0700); }) == EACCES);
    CHECK(refused([&] { return ::unlink(path("forbidden/file").c_str()); }) == EACCES);
    CHECK(refused([&] { return ::rmdir(path("forbidden").c_str()); }) == EACCES);
    CHECK(refused([&] { return ::symlink("x", path("forbidden/l").c_str()); }) == EACCES);
    CHECK(refused([&] { return ::mkfifo(path("forbidden/p").c_str(), 0600); }) == EACCES);
    CHECK(refused([&] { return ::mknod(path("writable/null").c_str(), S_IFCHR | 0600, 0x103); }) == EACCES);
    CHECK(refused([&] { return ::mkfifo(path("writable/p").c_str(), 0600); }) == 0);
    CHECK(refused([&] { return ::unlink(path("writable/p").c_str()); }) == 0);
    if (abi >= 3) CHECK(refused([&] { return ::truncate(path("forbidden/file").c_str(), 0); }) == EACCES);
    CHECK(refused([&] { return ::truncate(path("writable/file").c_str(), 0); }) == 0);
  }
}

TEST_CASE("Landlock: files move and are linked between directories of what is writable, and not out of it") {
  if (there_is_none()) return;
  const place at;
  for (const int abi : versions()) {
    INFO("ABI " << abi);
    std::ofstream{at.root / "writable/a/x"} << "x";
    const auto from = (at.root / "writable/a/x").string();
    const auto move_to = [&](const std::string& to) {
      return at.under(abi, [&] { return ::rename(from.c_str(), (at.root / to).c_str()) == 0 ? 0 : errno; });
    };
    const auto out = move_to("forbidden/x");
    CHECK((out == EACCES || out == EXDEV));
    CHECK(move_to("writable/b/x") == 0);
    CHECK(at.under(abi, [&] {
      const auto old = (at.root / "writable/b/x").string(), fresh = (at.root / "writable/a/y").string();
      return ::link(old.c_str(), fresh.c_str()) == 0 && ::unlink(fresh.c_str()) == 0 ? 0 : errno;
    }) == 0);
  }
}

TEST_CASE("Landlock: run is only what lies below an executable mount") {
  if (there_is_none()) return;
  const place at;
  for (const int abi : versions()) {
    INFO("ABI " << abi);
    CHECK(at.run(0, at.root / "forbidden/true") == 0);
    CHECK(at.run(abi, at.root / "forbidden/true") == 113);
    CHECK(at.run(abi, at.root / "forbidden/script") == 113);
    CHECK(at.run(abi, at.root / "noexec/true") == 113);
    CHECK(at.run(abi, at.root / "writable/true") == 0);
    CHECK(at.run(abi, at.root / "runnable/true") == 0);
    CHECK(at.run(abi, at.root / "writable/script") == 7);
    CHECK(at.run(abi, "/usr/bin/true") == 0);
  }
}

TEST_CASE("Landlock: the devices of /dev can be written to, and not controlled") {
  if (there_is_none()) return;
  const place at;
  for (const int abi : versions()) {
    INFO("ABI " << abi);
    const auto control = [&](int version) {
      return at.under(version, [] {
        const unique_fd null{::open("/dev/null", O_RDWR | O_TRUNC | O_CLOEXEC)};
        if (::write(null.get(), "x", 1) != 1) return 1;
        const unique_fd random{::open("/dev/urandom", O_RDONLY | O_CLOEXEC)};
        int bits = 0;
        return ::ioctl(random.get(), RNDGETENTCNT, &bits) == 0 ? 0 : errno;
      });
    };
    CHECK(control(0) == 0);
    CHECK(control(abi) == (abi >= 5 ? EACCES : 0));
  }
}

TEST_CASE("Landlock: /proc can be read and not written") {
  if (there_is_none()) return;
  const place at;
  for (const int abi : versions()) {
    INFO("ABI " << abi);
    for (const auto* name : {"/proc/self/comm", "/proc/self/mem", "/proc/self/oom_score_adj"}) {
      CHECK(at.under(0, [&] { return ::open(name, O_WRONLY | O_CLOEXEC) < 0 ? errno : 0; }) == 0);
      CHECK(at.under(abi, [&] { return ::open(name, O_WRONLY | O_CLOEXEC) < 0 ? errno : 0; }) == EACCES);
      CHECK(at.under(abi, [&] { return ::open(name, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0; }) == 0);
    }
  }
}

TEST_CASE("Landlock: a descriptor of the host's does not open its file for more than it was given for") {
  if (there_is_none()) return;
  place at;
  const auto outside = fs::temp_directory_path() / ("lazaret-landlock-in-" + std::to_string(::getpid()));
  std::ofstream{outside} << "input";
  for (const int abi : versions()) {
    INFO("ABI " << abi);
    const auto again = [&](int version, int flags) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::dup2(::open(outside.c_str(), O_RDONLY | O_CLOEXEC), 0);
        ::_exit(at.under(version, [&] { return ::open("/proc/self/fd/0", flags | O_CLOEXEC) < 0 ? errno : 0; }));
      }
      int status = 0;
      ::waitpid(pid, &status, 0);
      return WEXITSTATUS(status);
    };
    CHECK(again(0, O_RDWR) == 0);
    CHECK(again(abi, O_RDWR) == EACCES);
    CHECK(again(abi, O_RDONLY) == 0);
  }
  fs::remove(outside);
}

TEST_CASE("Landlock: signals and abstract sockets reach only what is as confined") {
  if (there_is_none()) return;
  const place at;
  const unique_fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const auto text = "lazaret-landlock-" + std::to_string(::getpid());
  std::memcpy(name.sun_path + 1, text.data(), text.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0);
  REQUIRE(::listen(listener.get(), 64) == 0);
  const auto reach = [&](int abi) {
    return at.under(abi, [&] {
      const unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0 ? 0 : errno;
    });
  };
  const auto signal_parent = [&](int abi) {
    return at.under(abi, [] { return ::kill(::getppid(), 0) == 0 ? 0 : errno; });
  };
  CHECK(reach(0) == 0);
  CHECK(signal_parent(0) == 0);
  for (const int abi : versions()) {
    INFO("ABI " << abi);
    CHECK(reach(abi) == (abi >= 6 ? EPERM : 0));
    CHECK(signal_parent(abi) == (abi >= 6 ? EPERM : 0));
    CHECK(at.under(abi, [] {  // among themselves: a child, a socket pair, an abstract name of their own
      const pid_t child = ::fork();
      if (child == 0)
        for (;;) ::pause();
      if (::kill(child, SIGKILL) != 0) return 1;
      ::waitpid(child, nullptr, 0);
      const unique_fd own{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      const unique_fd to{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      sockaddr_un free{};
      free.sun_family = AF_UNIX;
      socklen_t size = sizeof free;
      if (::bind(own.get(), reinterpret_cast<sockaddr*>(&free), sizeof(sa_family_t)) != 0) return 2;  // autobind
      if (::listen(own.get(), 1) != 0) return 3;
      ::getsockname(own.get(), reinterpret_cast<sockaddr*>(&free), &size);
      return ::connect(to.get(), reinterpret_cast<sockaddr*>(&free), size) == 0 ? 0 : 4;
    }) == 0);
  }
}

TEST_CASE("Landlock: what can't be given is a failure that names it") {
  if (there_is_none()) return;
  place at;
  at.what.tmpfs.push_back({.target = "/lazaret-is-not-here"});
  CHECK(at.under(landlock_abi(), [] { return 0; }) == 126);
  const auto refused = restrict_by_landlock(at.what, landlock_abi());  // before anything is restricted
  REQUIRE(refused.has_error());
  CHECK(refused.error().step == "landlock");
  CHECK(refused.error().error == ENOENT);
  CHECK(refused.error().subject == "open /lazaret-is-not-here");
}
