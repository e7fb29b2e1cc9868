#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "sandbox/json_text.hpp"
#include "sandbox/observer.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/target.hpp"

using namespace lazaret::sandbox;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

struct watched {
  int code = -1;  ///< exit code, or minus the signal
  std::vector<json::object> lines;
  json::object end;

  [[nodiscard]] std::vector<json::object> of(std::string_view event) const {
    std::vector<json::object> some;
    for (const auto& line : lines)
      if (line.at("event").as_string() == event) some.push_back(line);
    return some;
  }
};

/// Runs `body` in a child under an observed filter, the way a jailer does it: the child says its listener's number
/// through a pipe, the parent takes it and then lets the child go.
watched observe(const std::function<int()>& body, int pipe_size = 1 << 20) {
  const seccomp_filter filter = seccomp_filter::ready({.observe = true}).value();
  int number_pipe[2], go_pipe[2], sink[2];
  REQUIRE(::pipe2(number_pipe, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(go_pipe, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(sink, O_CLOEXEC) == 0);
  ::fcntl(sink[1], F_SETPIPE_SZ, pipe_size);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    auto listener = filter.install();
    const int number = listener ? listener->get() : -1;
    char go = 0;
    if (::write(number_pipe[1], &number, sizeof number) < 0 || ::read(go_pipe[0], &go, 1) != 1) ::_exit(125);
    listener->reset();
    ::_exit(body());
  }
  int number = -1;
  REQUIRE(::read(number_pipe[0], &number, sizeof number) == sizeof number);
  const unique_fd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  observer watcher{take_listener(process.get(), number).value(), unique_fd{sink[1]}};
  REQUIRE(::write(go_pipe[1], "g", 1) == 1);
  // Reaped at once, as a jail's init does: before Linux 6.11 (bfafe5efa975) a zombie still holds its filter, and the
  // listener does not end.
  int status = 0;
  bool reaped = false;
  for (;;) {
    pollfd ready[]{{watcher.fd(), POLLIN, 0}, {process.get(), POLLIN, 0}};
    REQUIRE(::poll(ready, reaped ? 1 : 2, 20'000) > 0);
    if (!reaped && ready[1].revents != 0) reaped = ::waitpid(pid, &status, 0) == pid;
    if (ready[0].revents != 0 && watcher.handle() == observer::heard::last) break;
  }
  watcher.finish();
  if (!reaped) ::waitpid(pid, &status, 0);
  watched seen;
  seen.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  std::string text;
  char buffer[65536];
  for (ssize_t size = 0; (size = ::read(sink[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    CHECK(line.size() < 4096);
    json::object parsed = json::parse(line).as_object();
    if (parsed.at("event").as_string() == "end")
      seen.end = std::move(parsed);
    else
      seen.lines.push_back(std::move(parsed));
  }
  for (const int fd : {number_pipe[0], number_pipe[1], go_pipe[0], go_pipe[1], sink[0]}) ::close(fd);
  return seen;
}

int run(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  return 127;
}

sockaddr_in inet(const char* address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &to.sin_addr);
  return to;
}

template <class Address>
const sockaddr* plain(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

struct scratch {
  scratch() {
    char name[] = "/tmp/lazaret-observer-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~scratch() { fs::remove_all(path); }
  [[nodiscard]] std::string script(const char* name, const std::string& text) const {
    std::ofstream{path / name} << text;
    fs::permissions(path / name, fs::perms::owner_all);
    return path / name;
  }
  fs::path path;
};

}  // namespace

TEST_CASE("programs that are started are reported with their arguments, and run") {
  const auto seen = observe([] { return run({"/bin/sh", "-c", "/bin/echo 'a b' > /dev/null; exit 7"}); });
  CHECK(seen.code == 7);
  const auto execs = seen.of("exec");
  REQUIRE(execs.size() == 2);
  CHECK(execs[0].at("path") == "/bin/sh");
  CHECK(execs[1].at("path") == "/bin/echo");
  CHECK(execs[1].at("argv") == json::array{"/bin/echo", "a b"});
  CHECK(execs[1].at("python") == false);
  CHECK(execs[0].at("t").as_double() >= 0);
  CHECK(execs[1].at("t").as_double() > execs[0].at("t").as_double());
  CHECK(seen.end.at("seen") == 2);
  CHECK(seen.end.at("dropped") == 0);
}

TEST_CASE("connections are reported with their address, and go on") {
  const auto seen = observe([] {
    const auto v4 = inet("127.0.0.1", 1);
    if (::connect(::socket(AF_INET, SOCK_STREAM, 0), plain(v4), sizeof v4) == 0 || errno != ECONNREFUSED) return 1;
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(443);
    v6.sin6_addr = in6addr_loopback;
    (void)::connect(::socket(AF_INET6, SOCK_DGRAM, 0), plain(v6), sizeof v6);
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::strcpy(local.sun_path, "/run/nowhere");
    if (::connect(::socket(AF_UNIX, SOCK_STREAM, 0), plain(local), sizeof local) == 0 || errno != ENOENT) return 2;
    std::memcpy(local.sun_path, "\0hidden", 7);
    (void)::connect(::socket(AF_UNIX, SOCK_STREAM, 0), plain(local), offsetof(sockaddr_un, sun_path) + 7);
    return 0;
  });
  CHECK(seen.code == 0);
  const auto connects = seen.of("connect");
  REQUIRE(connects.size() == 4);
  CHECK(connects[0].at("family") == "inet");
  CHECK(connects[0].at("address") == "127.0.0.1");
  CHECK(connects[0].at("port") == 1);
  CHECK(connects[1].at("family") == "inet6");
  CHECK(connects[1].at("address") == "::1");
  CHECK(connects[1].at("port") == 443);
  CHECK(connects[2].at("unix") == "/run/nowhere");
  CHECK(connects[3].at("unix") == "@hidden");
}

TEST_CASE("attempts on another process are reported and refused") {
  const auto seen = observe([] {
    if (::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0 || errno != EPERM) return 1;
    char byte = 0;
    iovec here{&byte, 1};
    if (::process_vm_readv(::getppid(), &here, 1, &here, 1, 0) >= 0 || errno != EPERM) return 2;
    if (::process_vm_writev(::getppid(), &here, 1, &here, 1, 0) >= 0 || errno != EPERM) return 3;
    return 0;
  });
  CHECK(seen.code == 0);
  CHECK(seen.of("ptrace").size() == 1);
  CHECK(seen.of("process_vm_readv").size() == 1);
  CHECK(seen.of("process_vm_writev").size() == 1);
}

TEST_CASE("listeners and datagrams are reported, by whichever call they go") {
  const auto seen = observe([] {
    auto here = inet("127.0.0.1", 0);
    const int server = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::bind(server, plain(here), sizeof here) != 0 || ::listen(server, 1) != 0) return 1;
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    auto there = inet("127.0.0.53", 53);
    if (::sendto(udp, "x", 1, 0, plain(there), sizeof there) != 1) return 2;
    iovec data{const_cast<char*>("y"), 1};
    msghdr message{};
    message.msg_name = &there;
    message.msg_namelen = sizeof there;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    there.sin_port = htons(54);
    if (::sendmsg(udp, &message, 0) != 1) return 3;
    auto other = inet("127.0.0.54", 55);
    mmsghdr both[2] = {{message, 0}, {message, 0}};
    both[1].msg_hdr.msg_name = &other;
    if (::sendmmsg(udp, both, 2, 0) != 2) return 4;
    // With an address of its own a socket's datagrams need none: the connect was the report.
    if (::connect(udp, plain(other), sizeof other) != 0 || ::send(udp, "z", 1, 0) != 1) return 5;
    message.msg_name = nullptr;
    message.msg_namelen = 0;
    (void)::sendmsg(udp, &message, 0);
    return 0;
  });
  CHECK(seen.code == 0);
  REQUIRE(seen.of("bind").size() == 1);
  REQUIRE(seen.of("listen").size() == 1);
  CHECK(seen.of("listen")[0].at("address") == "127.0.0.1");
  CHECK(seen.of("listen")[0].at("port").as_int64() > 0);
  const auto sent = seen.of("sendto");
  REQUIRE(sent.size() == 4);
  CHECK(sent[0].at("port") == 53);
  CHECK(sent[1].at("port") == 54);
  CHECK(sent[2].at("port") == 54);
  CHECK(sent[3].at("port") == 55);
  CHECK(sent[3].at("address") == "127.0.0.54");
}

TEST_CASE("a Python is known by its name, behind a symbolic link, and behind a script") {
  const scratch place;
  const std::string link = place.path / "innocent";
  fs::create_symlink("/usr/bin/python3", link);
  const auto env_script = place.script("env-script", "#!/usr/bin/env -S A=1 python3 -I\npass\n");
  const auto script = place.script("script", "#! /usr/bin/python3 -I\npass\n");
  const auto shell = place.script("shell", "#!/bin/sh\n# python\n");
  const auto seen = observe([&] {
    if (::chdir(place.path.c_str()) != 0) return 125;
    return run(
        {"/bin/sh", "-c", "/usr/bin/python3 -c pass; ./innocent -c pass; " + env_script + "; ./script; " + shell});
  });
  CHECK(seen.code == 0);
  const auto python_of = [&](const std::string& path) -> int {
    for (const auto& line : seen.of("exec"))
      if (line.at("path") == json::string{path}) return line.at("python").as_bool();
    return -1;
  };
  CHECK(python_of("/usr/bin/python3") == 1);
  CHECK(python_of(link.substr(0, link.rfind('/')) + "/./innocent") == 1);
  CHECK(python_of(env_script) == 1);
  CHECK(python_of(place.path.string() + "/./script") == 1);
  CHECK(python_of(shell) == 0);
}

TEST_CASE("names of interpreters are told from names that only look alike") {
  for (const char* name : {"python", "python3", "/usr/bin/python3.11", "pypy3", "python3.13t", "./python3.11-dbg"})
    CHECK(is_python_name(name));
  for (const char* name : {"", "/", "python3-config", "pythonista", "ipython3", "/python3/bin/sh", "py"})
    CHECK(!is_python_name(name));
}

TEST_CASE("hostile arguments are cut, escaped or said to be unreadable, and never stop the observer") {
  const scratch place;
  const std::string fifo = place.path / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0755) == 0);
  const auto seen = observe([&] {
    (void)::syscall(SYS_execve, 1, 1, 1);
    if (errno != EFAULT) return 1;
    (void)::syscall(SYS_connect, 0, 1, 16);
    (void)run({fifo});  // opening it for reading would wait for ever
    (void)run({"/nonexistent/\"\n\x01\xff\xc3\xa9", std::string(1000, 'x'), "\xed\xa0\x80"});
    (void)run(std::vector<std::string>(500, std::string(200, '\x02')));
    (void)::syscall(SYS_execveat, ::open("/bin/true", O_PATH), "", nullptr, nullptr, AT_EMPTY_PATH);
    return 2;
  });
  CHECK(seen.code == 0);  // true ran
  const auto execs = seen.of("exec");
  REQUIRE(execs.size() == 5);
  CHECK(execs[0].at("unread") == true);
  CHECK(seen.of("connect").at(0).at("unread") == true);
  CHECK(execs[1].at("path") == json::string{fifo});
  CHECK(execs[2].at("path") == "/nonexistent/\"\n\x01\xef\xbf\xbd\xc3\xa9");
  CHECK(execs[2].at("argv").at(1).as_string().size() == 256);
  CHECK(execs[2].at("argv").at(2) == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(execs[2].at("cut") == true);
  CHECK(execs[3].at("cut") == true);
  CHECK(execs[4].at("path").as_string().find("true") != json::string::npos);
}

TEST_CASE("the pid is that inside the jail's pid namespace") {
  if (::geteuid() != 0) {
    WARN("not run: making a pid namespace needs root");
    return;
  }
  // The child's pid namespace has to be there before the filter forbids making one.
  REQUIRE(::unshare(CLONE_NEWPID) == 0);
  const unique_fd own{::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC)};
  const auto seen = observe([] { return run({"/bin/sh", "-c", "/bin/true; exit 0"}); });
  REQUIRE(::setns(own.get(), CLONE_NEWPID) == 0);
  CHECK(seen.code == 0);
  const auto execs = seen.of("exec");
  REQUIRE(execs.size() == 2);
  CHECK(execs[0].at("pid") == 1);
  CHECK(execs[1].at("pid") == 2);
}

TEST_CASE("lines that nobody takes are dropped and counted, and the program goes on") {
  const auto seen = observe(
      [] {
        const auto to = inet("127.0.0.1", 1);
        for (int i = 0; i < 200; ++i) (void)::connect(::socket(AF_INET, SOCK_DGRAM, 0), plain(to), sizeof to);
        return 5;
      },
      4096);
  CHECK(seen.code == 5);
  CHECK(seen.lines.size() < 200);
  CHECK(!seen.lines.empty());
  CHECK(seen.end.at("seen") == 200);
  CHECK(seen.end.at("dropped").as_int64() + static_cast<std::int64_t>(seen.lines.size()) == 200);
}

TEST_CASE("a program that is killed while it is being observed ends the listener") {
  const auto seen = observe([] {
    ::raise(SIGKILL);
    return 0;
  });
  CHECK(seen.code == -SIGKILL);
  CHECK(seen.end.at("seen") == 0);
}

TEST_CASE("strings become valid JSON whatever is in them") {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b), '\x80', '"'};
      std::string out;
      append_json(out, text);
      boost::system::error_code error;
      json::parse(out, error);
      if (error) FAIL(a << " " << b << ": " << error.message());
    }
  std::string out;
  append_json(out, "\xf0\x9f\x90\x8d\xc3\xa9\\");
  CHECK(out == "\"\xf0\x9f\x90\x8d\xc3\xa9\\\\\"");
}
