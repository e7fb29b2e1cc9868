// The audit hook in plain interpreters, heard by a datagram socket of the test's own.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/json/parse.hpp>
#include <thread>

#include "tests/execution/process.hpp"

namespace json = boost::json;
using namespace lazaret::actors::testing;

namespace {

/// Keeps taking datagrams on a thread of its own, because a full queue stops the program that is heard.
class listener {
 public:
  listener() {
    ::unlink(path.c_str());
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    taker_ = std::thread{[this] { take(); }};
  }
  ~listener() {
    if (taker_.joinable()) (void)heard();
    ::close(fd_);
    ::unlink(path.c_str());
  }
  /// Everything until now. To be asked once, when the programs have ended: what they sent lies in the queue by then.
  std::vector<std::string> heard() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int end = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ::sendto(end, "end", 3, 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::close(end);
    taker_.join();
    return lines_;
  }

 private:
  void take() {
    char buffer[65536];
    for (;;) {
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      const std::string line{buffer, static_cast<std::size_t>(n > 0 ? n : 0)};
      if (n <= 0 || line == "end") return;
      lines_.push_back(line);
    }
  }
  const std::string path = LAZARET_TEST_HOOK "/audit.sock";
  int fd_ = -1;
  std::vector<std::string> lines_;
  std::thread taker_;
};

/// Runs code under the hook. Every line heard must be an object with the fields of compat/triage.md.
std::vector<json::object> events_of(const std::string& code, std::vector<std::string> before = {}) {
  listener ear;
  std::vector<std::string> command{"/usr/bin/python3", "-I", "-B", "-S"};
  command.insert(command.end(), before.begin(), before.end());
  command.insert(
      command.end(),
      {"-c", "import sys; sys.path.insert(0, '" LAZARET_TEST_HOOK "/hook')\nimport _lazaret_audit\n" + code});
  const ran done = run_process(command);
  INFO(done.err);
  CHECK(done.code == 0);
  std::vector<json::object> all;
  for (const std::string& line : ear.heard()) {
    boost::system::error_code bad;
    json::value parsed = json::parse(line, bad);
    INFO(line);
    REQUIRE_FALSE(bad);
    REQUIRE(line.size() <= 8192);
    json::object& o = parsed.as_object();
    REQUIRE(o.at("timestamp").as_string().size() == 27);
    REQUIRE(o.at("event").is_string());
    REQUIRE(o.at("args").is_string());
    REQUIRE(o.contains("caller"));
    all.push_back(std::move(o));
  }
  return all;
}

std::string args_of(const std::vector<json::object>& all, std::string_view event) {
  for (const json::object& o : all) {
    if (o.at("event").as_string() == event) return std::string{o.at("args").as_string()};
  }
  return "(none)";
}

}  // namespace

TEST_CASE("an interpreter under the hook says that it has started, and with which words") {
  const auto all = events_of("pass");
  REQUIRE_FALSE(all.empty());
  CHECK(all.front().at("event").as_string() == "lazaret.start");
  CHECK(all.front().at("args").as_string().starts_with("['/usr/bin/python3', '-I'"));
}

TEST_CASE("arguments are rendered as repr would, capped, and without asking the objects") {
  const auto all = events_of(R"py(
class Evil:
    def __repr__(self): raise SystemExit(9)
    __str__ = __repr__
class Text(str):
    def __repr__(self): raise SystemExit(9)
sys.audit('t.plain', 1, -2, 2.5, True, None, 'a\'b\n', b'\x00\xff', (1,), [], {'k': Evil()})
sys.audit('t.long', 'x' * 501, list(range(21)), 1 << 100)
sys.audit('t.odd', Text('sub'), '\udc80', '\U0001f600"\\', [[[[[[1]]]]]])
sys.audit('t.huge', ['\U0001f600' * 500] * 20)
)py");
  CHECK(args_of(all, "t.plain") ==
        R"((1, -2, 2.5, True, None, 'a\'b\n', b'\x00\xff', (1,), [], {'k': <Evil object>}))");
  CHECK(args_of(all, "t.long") ==
        "('" + std::string(500, 'x') +
            "...', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, ...], "
            "<int object>)");
  CHECK(args_of(all, "t.odd") == "('sub', '\\udc80', '\xf0\x9f\x98\x80\"\\\\', [[[...]]])");
  CHECK(args_of(all, "t.huge").ends_with("..."));
}

TEST_CASE("a closed or replaced descriptor is found out, and nobody else's file is written to") {
  const scratch space;
  const std::string victim = space.path() / "victim";
  const auto all = events_of(R"py(
import os, socket
victim = os.open(')py" + victim +
                             R"py(', os.O_RDWR | os.O_CREAT)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
b.setblocking(False)
def occupy(with_fd):
    for fd in range(3, 600):
        if fd not in (victim, a.fileno(), b.fileno()):
            os.dup2(with_fd, fd)
os.closerange(490, 600)
sys.audit('t.after_close')
occupy(victim)
sys.audit('t.after_file')
os.closerange(10, 600)
sys.audit('t.between')
occupy(a.fileno())
sys.audit('t.after_socket')
try:
    got = b.recv(10)
except BlockingIOError:
    got = b''
assert got == b'', got
assert os.fstat(victim).st_size == 0
)py");
  for (const char* event : {"t.after_close", "t.after_file", "t.between", "t.after_socket"}) {
    INFO(event);
    CHECK(args_of(all, event) == "()");
  }
  CHECK(slurp(victim).empty());
}

TEST_CASE("a forked child is heard under its own pid, and an exec'd one starts anew") {
  const auto all = events_of(R"py(
import os
if os.fork() == 0:
    sys.audit('t.child')
    os._exit(0)
os.wait()
sys.audit('t.parent')
)py");
  std::int64_t child = 0, parent = 0;
  for (const auto& o : all) {
    if (o.at("event").as_string() == "t.child") child = o.at("pid").as_int64();
    if (o.at("event").as_string() == "t.parent") parent = o.at("pid").as_int64();
  }
  CHECK(child != 0);
  CHECK(parent != 0);
  CHECK(child != parent);
}

TEST_CASE("the hook hides no exception and raises none") {
  const auto all = events_of(R"py(
import threading, _xxsubinterpreters as sub
try:
    open('/nonexistent/file')
except FileNotFoundError as e:
    assert e.errno == 2
for _ in range(20):
    threading.Thread(target=lambda: [sys.audit('t.thread', i) for i in range(50)]).start()
inner = sub.create()
sub.run_string(inner, "import sys; sys.audit('t.inner')")
)py");
  CHECK(args_of(all, "open") == "('/nonexistent/file', 'r', 524288)");
  CHECK(args_of(all, "t.inner") == "()");
  CHECK(std::ranges::count_if(all, [](const auto& o) { return o.at("event").as_string() == "t.thread"; }) == 1000);
}

TEST_CASE("reading the standard library is counted, not told; disguised code is told") {
  const auto all = events_of(R"py(
import json, marshal
code = compile('x = 1', '/usr/lib/python3/x.py', 'exec')
exec(code)
marshal.loads(marshal.dumps(code))
)py");
  for (const auto& o : all) {
    if (o.at("event").as_string() == "open") CHECK_FALSE(o.at("args").as_string().starts_with("('/usr/lib/python3"));
  }
  CHECK(std::ranges::any_of(all, [](const auto& o) {
    return o.at("event").as_string() == "exec" &&
           o.at("args").as_string().find("/usr/lib/python3/x.py") != json::string::npos;
  }));
  CHECK(args_of(all, "marshal.loads") != "(none)");
  CHECK(args_of(all, "lazaret.skipped").find("'open': ") != std::string::npos);
}

TEST_CASE("an event names the code outside the standard library that caused it") {
  const auto all = events_of(R"py(
import subprocess
def culprit():
    subprocess.run(['/bin/true'])
culprit()
)py");
  for (const auto& o : all) {
    if (o.at("event").as_string() != "subprocess.Popen") continue;
    CHECK(o.at("caller").as_object().at("function").as_string() == "culprit");
    CHECK(o.at("caller").as_object().at("file").as_string() == "<string>");
    CHECK(o.at("caller").as_object().at("line").as_int64() == 6);
    return;
  }
  FAIL("no subprocess.Popen");
}

TEST_CASE("without anybody listening a program runs as if there were no hook") {
  ::unlink(LAZARET_TEST_HOOK "/audit.sock");
  const ran done = run_process({"/usr/bin/python3", "-I", "-S", "-c",
                                "import sys; sys.path.insert(0, '" LAZARET_TEST_HOOK "/hook'); import _lazaret_audit; "
                                "[sys.audit('x') for _ in range(1000)]; print('done')"});
  CHECK(done.code == 0);
  CHECK(done.out == "done\n");
}
