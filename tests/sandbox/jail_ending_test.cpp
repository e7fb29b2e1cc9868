// One program for each way to end that is not a plain exit (those: jail_outcome_test.cpp), and which of two ways
// counts.
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;

TEST_CASE("A deadly system call ends the jail and is named, whoever makes it and through whichever table") {
  started_jailer jails;
  const bool observed = GENERATE(false, true);
  const auto [how, name] = GENERATE(table<const char*, const char*>({{"itself", "init_module"},
                                                                     {"child", "init_module"},
                                                                     {"thread", "init_module"},
                                                                     {"i386", "i386:mount"},
                                                                     {"x32", "x32:mount"}}));
  INFO(how << (observed ? ", observed" : ""));
  auto what = inmate({"forbidden", how});
  what.observe = observed;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::syscall_denied);
  CHECK(ran.how.syscall == name);
  CHECK(ran.how.signal == SIGSYS);
  CHECK(ran.how.code == 0);
  CHECK(ran.how.wall < 5s);
  CHECK(ran.out == "");
  CHECK(describe(ran.how) == std::string{"killed for the forbidden system call "} + name);
  CHECK(jailed_processes().empty());
  if (!observed) return;
  const auto& noted = ran.observations;
  CHECK(std::any_of(noted.begin(), noted.end(), [&, wanted = name](const std::string& line) {
    return line.find(std::string{R"("event":"denied","syscall":")"} + wanted + "\"}") != std::string::npos;
  }));
}

TEST_CASE("A SIGSYS that the program asked for itself is a signal like others") {
  started_jailer jails;
  const auto ran = run(jails.client(), python("import os, signal; os.kill(os.getpid(), signal.SIGSYS)"));
  CHECK(ran.how.reason == ending::signalled);
  CHECK(ran.how.signal == SIGSYS);
  CHECK(ran.how.syscall == "");
}

TEST_CASE("A segmentation fault is told from an exit") {
  started_jailer jails;
  const auto ran = run(jails.client(), python("import ctypes; ctypes.string_at(0)"));
  CHECK(ran.how.reason == ending::signalled);
  CHECK(ran.how.signal == SIGSEGV);
  CHECK(describe(ran.how) == "killed by signal 11 (SIGSEGV)");
}

TEST_CASE("A mapping of a file that a full tmpfs can't hold is a bus error") {
  started_jailer jails;
  auto what = python(R"(
import mmap
f = open('/tmp/x', 'w+b')
f.truncate(4 << 20)
m = mmap.mmap(f.fileno(), 4 << 20)
for at in range(0, 4 << 20, 4096): m[at] = 1
)");
  what.tmpfs.push_back({.target = "/tmp", .size = 1_MiB});
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::signalled);
  CHECK(ran.how.signal == SIGBUS);
  CHECK_FALSE(ran.how.memory_killed);
}

TEST_CASE("Sleeping does not stop the wall clock", "[long]") {
  started_jailer jails;
  auto what = python("import time; time.sleep(60)");
  what.limits.wall = 400ms;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::wall_timeout);
  CHECK(ran.how.wall >= 400ms);
  CHECK(ran.how.wall < 2s);
  CHECK(ran.how.cpu < 400ms);
}

TEST_CASE("Stopping everybody does not stop the wall clock, nor the jail's end") {
  started_jailer jails;
  auto what = python(R"(
import os, signal
for _ in range(5):
    if os.fork() == 0:
        while True: signal.pause()
os.kill(-1, signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)
)");
  what.limits.wall = 700ms;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::wall_timeout);
  CHECK(ran.how.wall < 3s);
  CHECK(jailed_processes().empty());
}

TEST_CASE("CPU time of one thread is counted") {
  started_jailer jails;
  auto what = python("while True: pass");
  what.limits.cpu = 500ms;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::cpu_timeout);
  CHECK(ran.how.cpu >= 500ms);
  CHECK(ran.how.cpu < 1s);
}

TEST_CASE("Many processes use up the CPU time together, and not much more than that") {
  started_jailer jails;
  auto what = inmate({"/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait"});
  what.limits.cpu = 600ms;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::cpu_timeout);
  CHECK(ran.how.cpu >= 600ms);
  CHECK(ran.how.cpu < 1'200ms);
}

TEST_CASE("A tiny memory limit and a big image is out of memory") {
  started_jailer jails;
  if (!is_counted(jails)) return;
  auto what = inmate({"big_bss"});
  what.limits.memory = 8_MiB;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::out_of_memory);
  CHECK(ran.how.memory_killed);
  CHECK(ran.how.peak_memory <= 9_MiB);
  CHECK(jailed_processes().empty());
}

TEST_CASE("A memory limit in which not even the jail fits ends it all the same") {
  started_jailer jails;
  if (!is_counted(jails)) return;
  auto what = inmate({"descriptors"});
  for (const std::uint64_t limit : {4096U, 64U << 10, 256U << 10, 1U << 20}) {
    INFO(limit);
    what.limits.memory = bytes{limit};
    auto started = jails.client().start(what);
    if (started) {
      const auto how = started->wait({});
      REQUIRE(how.has_value());
      CHECK((how->reason == ending::out_of_memory || how->reason == ending::exited));
    }
    CHECK(jailed_processes().empty());
  }
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
}

TEST_CASE("What comes first is what ended a jail") {
  started_jailer jails;
  SECTION("a child killed for memory, then the wall time") {
    if (!is_counted(jails)) return;
    auto what = inmate({"/bin/sh", "-c", "/inmates/hog; sleep 60"});
    what.limits.memory = 32_MiB;
    what.limits.wall = 2s;
    const auto ran = run(jails.client(), what);
    CHECK(ran.how.reason == ending::wall_timeout);
    CHECK(ran.how.memory_killed);
  }
  SECTION("a deadly call, with the wall time still to come") {
    auto what = inmate({"/bin/sh", "-c", "/inmates/forbidden; sleep 60"});
    what.limits.wall = 5s;
    CHECK(run(jails.client(), what).how.reason == ending::syscall_denied);
  }
  SECTION("the program's exit, while a daemon of its own burns on") {
    auto what = inmate({"/bin/sh", "-c", "/inmates/spin & exit 7"});
    what.limits.cpu = 2s;
    const auto ran = run(jails.client(), what);
    CHECK(ran.how.reason == ending::exited);
    CHECK(ran.how.code == 7);
  }
  SECTION("the CPU time, long before the wall time") {
    auto what = inmate({"spin"});
    what.limits.cpu = 200ms, what.limits.wall = 10s;
    CHECK(run(jails.client(), what).how.reason == ending::cpu_timeout);
  }
  SECTION("the wall time, long before the CPU time") {
    auto what = inmate({"spin"});
    what.limits.cpu = 60s, what.limits.wall = 200ms;
    CHECK(run(jails.client(), what).how.reason == ending::wall_timeout);
  }
  CHECK(jailed_processes().empty());
}

// running_jail::finish() once released the group while a timer that had expired in the same turn of the event loop was
// still to be heard, and the jailer read a group that was gone.
TEST_CASE("Jails that end in the moment in which their time is up don't take the jailer with them", "[long]") {
  started_jailer jails;
  std::atomic<int> ended = 0, in_time = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 60; ++i) {
          // The cpu limit is checked at the earliest moment at which it could be used up: 2 ms after the exec, when
          // these are about to exit.
          auto what = inmate({"/bin/sleep", "0.00" + std::to_string(1 + (i + t) % 4)});
          what.limits.cpu = std::chrono::milliseconds{1 + i % 4};
          what.limits.wall = std::chrono::milliseconds{2 + (i * 7 + t) % 9};
          auto started = jails.client().start(what);
          if (!started) continue;
          const auto how = started->wait({});
          ended += how.has_value();
          in_time += how && how->reason == ending::exited;
        }
      });
  }
  CHECK(ended == 360);
  CHECK(in_time > 0);
  CHECK(in_time < 360);
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
}
