// Talking with a program while it runs: input, signals, a terminal of its own, and a listener who is slow.
#include "sandbox/conversation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/// Waits on a thread of its own, so that the test can talk.
class talk {
 public:
  explicit talk(policy what) : with_{*conversation::make()} {
    unique_fd input, into;
    if (what.terminal.rows == 0) {
      std::array<int, 2> ends{};
      REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
      input.reset(ends[0]), into.reset(ends[1]);
      ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
    }
    ::signal(SIGPIPE, SIG_IGN);
    auto made = jails_.client().start(what, {}, std::move(input));
    INFO((made ? std::string{} : made.error().describe()));
    REQUIRE(made.has_value());
    jail_ = std::make_unique<jail>(std::move(*made));
    waiting_ = std::jthread{[this, into = std::move(into)](std::stop_token) mutable {
      jail_sinks sinks;
      sinks.on_stdout = [this](std::string_view some) { keep(some); };
      sinks.on_stderr = sinks.on_stdout;
      auto how = jail_->wait(sinks, stop_.get_token(), with_.get(), std::move(into));
      if (how) how_ = *how;
    }};
  }
  ~talk() { stop_.request_stop(); }
  [[nodiscard]] conversation& with() { return *with_; }
  [[nodiscard]] std::string heard() {
    const std::lock_guard lock{mutex_};
    return heard_;
  }
  [[nodiscard]] bool hears(const std::string& text) {
    return eventually([&] { return heard().find(text) != std::string::npos; });
  }
  [[nodiscard]] outcome end() {
    waiting_.join();
    return how_;
  }

 private:
  void keep(std::string_view some) {
    const std::lock_guard lock{mutex_};
    heard_ += some;
  }
  started_jailer jails_;
  std::shared_ptr<conversation> with_;
  std::unique_ptr<jail> jail_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::string heard_;
  outcome how_;
  std::jthread waiting_;
};

policy shell(std::string script) {
  auto what = inmate({"/bin/sh", "-c", std::move(script)});
  what.mount_proc = true;
  return what;
}

policy in_terminal(policy what, std::uint16_t rows = 24, std::uint16_t columns = 80) {
  what.terminal = {rows, columns};
  return what;
}

}  // namespace

TEST_CASE("What is said to a program is its standard input, until its end") {
  talk t{shell("while read -r line; do echo \"got $line\"; done; echo over")};
  t.with().give("one\n");
  REQUIRE(t.hears("got one\n"));
  t.with().give("two\nthree");
  REQUIRE(t.hears("got two\n"));
  t.with().give("\n");
  t.with().end_input();
  t.with().give("after its end\n");
  CHECK(t.end().code == 0);
  CHECK(t.heard() == "got one\ngot two\ngot three\nover\n");
}

TEST_CASE("Input waits for a program that is slow to read, and is forgotten when nobody will read it") {
  talk t{shell("read -r line; exec <&-; echo closed; sleep 30")};
  t.with().give(std::string(200'000, 'x'));
  CHECK(eventually([&] { return t.with().waiting() > 0 && t.with().waiting() < 200'000; }));
  t.with().give("\n");
  REQUIRE(t.hears("closed"));
  t.with().give("y");
  CHECK(eventually([&] { return t.with().waiting() == 0; }));
  t.with().signal(SIGKILL);
  CHECK(t.end().signal == SIGKILL);
}

TEST_CASE("A signal reaches the program, which may catch it, and its children not") {
  talk t{
      python("import signal, subprocess, sys\n"
             "signal.signal(signal.SIGUSR1, lambda *_: print('caught', flush=True))\n"
             "child = subprocess.Popen(['sleep', '30'])\n"
             "print('ready', flush=True)\n"
             "while True: signal.pause()")};
  REQUIRE(t.hears("ready"));
  t.with().signal(SIGUSR1);
  REQUIRE(t.hears("caught"));
  t.with().signal(4711);  // there is no such signal
  t.with().signal(SIGTERM);
  const auto how = t.end();
  CHECK(how.reason == ending::signalled);
  CHECK(how.signal == SIGTERM);
}

TEST_CASE("While output is held the program is stopped by a full pipe, and its clock goes on") {
  auto what = shell("yes");
  what.limits.wall = 700ms;
  what.limits.output = 64_MiB;
  talk t{what};
  REQUIRE(t.hears("y\n"));
  t.with().hold_output(true);
  std::size_t before = 0;
  REQUIRE(eventually([&] {  // what was under way has come
    const auto now = t.heard().size();
    return std::exchange(before, now) == now;
  }));
  CHECK(t.end().reason == ending::wall_timeout);
  CHECK(t.heard().size() <= before + (128 << 10));  // what was left in the pipes
}

TEST_CASE("A program in a terminal has it as its controlling terminal, by its name, and of the wanted size") {
  talk t{in_terminal(shell("tty; stty size < /dev/tty; ls -1 /dev/pts; read -r line; echo \"[$line]\""), 33, 99)};
  REQUIRE(t.hears("33 99\r\n0\r\nptmx\r\n"));
  CHECK_THAT(t.heard(), Contains("/dev/pts/0\r\n"));
  t.with().give("hello\n");
  CHECK(t.end().code == 0);
  CHECK_THAT(t.heard(), Contains("hello\r\n[hello]\r\n"));  // echoed, then read
}

TEST_CASE("A terminal knows control characters, its end of file and a new size") {
  talk t{in_terminal(shell("trap 'echo INT' INT; trap 'stty size' WINCH; cat; cat; echo over"))};
  t.with().give("ready\n");
  REQUIRE(t.hears("ready\r\nready\r\n"));  // echoed, and said by cat
  t.with().resize({50, 120});
  t.with().give("\x03");  // ends the first cat: only then does the shell run its traps
  REQUIRE(t.hears("INT"));
  REQUIRE(t.hears("50 120"));
  t.with().end_input();
  REQUIRE(t.hears("over"));
  CHECK(t.end().code == 0);
}

TEST_CASE("In a terminal nothing can be typed into it from inside, and no other can be made") {
  talk t{
      in_terminal(python("import fcntl, os, termios\n"
                         "for name in ('TIOCSTI', 'TIOCLINUX', 'TIOCCONS', 'TIOCSETD'):\n"
                         "  code = {'TIOCLINUX': 0x541c, 'TIOCCONS': 0x541d, 'TIOCSETD': 0x5423}.get(name, 0x5412)\n"
                         "  try: fcntl.ioctl(0, code, b'x' * 8); print(name, 'done')\n"
                         "  except OSError as e: print(name, e.errno)\n"
                         "for path in ('/dev/ptmx', '/dev/pts/ptmx', '/dev/console', '/dev/tty0'):\n"
                         "  try: os.open(path, os.O_RDWR); print(path, 'opened')\n"
                         "  except OSError as e: print(path, 'refused')\n"))};
  CHECK(t.end().code == 0);
  for (const auto* name : {"TIOCSTI", "TIOCLINUX", "TIOCCONS", "TIOCSETD"})
    CHECK_THAT(t.heard(), Contains(std::string{name} + " 1\r\n"));
  CHECK_THAT(t.heard(), !Contains("opened"));
}

TEST_CASE("Without a terminal there is none to be had") {
  talk t{shell("tty; ls /dev/pts /dev/tty; exit 0")};
  CHECK(t.end().code == 0);
  CHECK_THAT(t.heard(), Contains("not a tty"));
  CHECK_THAT(t.heard(), Contains("cannot access '/dev/pts'"));
  CHECK_THAT(t.heard(), Contains("cannot access '/dev/tty'"));
}

TEST_CASE("All that a program wrote to its terminal before it ended is heard") {
  auto what = in_terminal(shell("seq 20000"));
  what.limits.output = 4_MiB;
  talk t{what};
  CHECK(t.end().code == 0);
  CHECK_THAT(t.heard(), Catch::Matchers::EndsWith("19999\r\n20000\r\n"));
}

TEST_CASE("A terminal leaves nothing behind in the jailer") {
  started_jailer jails;
  const auto what = in_terminal(shell("true"));
  CHECK(run(jails.client(), what).how.code == 0);
  std::string before;
  int unchanged = 0;
  REQUIRE(eventually([&] {  // the jail's end is told before all of it is cleared away
    const auto earlier = std::exchange(before, jails.open_files());
    unchanged = earlier == before && jails.children().empty() ? unchanged + 1 : 0;
    return unchanged == 3;
  }));
  const auto mounts = jails.mounts();
  for (int n = 0; n < 20; ++n) CHECK(run(jails.client(), what).how.code == 0);
  (void)eventually([&] { return jails.open_files() == before; });
  CHECK(jails.open_files() == before);
  CHECK(jails.mounts() == mounts);
}

TEST_CASE("A terminal and a standard input are one too many") {
  started_jailer jails;
  const auto refused =
      jails.client().start(in_terminal(shell("true")), {}, unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().describe().find("the terminal is it") != std::string::npos);
}
