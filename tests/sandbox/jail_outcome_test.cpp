// How a jail ends, and what is said of it.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <limits>
#include <thread>

#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

TEST_CASE("Python runs in a jail and its output comes out") {
  started_jailer jails;
  const auto ran = run(jails.client(), python("import sys; print(1); print(2, file=sys.stderr)"));
  CHECK(ran.out == "1\n");
  CHECK(ran.err == "2\n");
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.how.code == 0);
  CHECK(ran.how.wall > 1ms);
  CHECK(ran.how.wall < 10s);
  CHECK(ran.how.cpu > 1ms);
  CHECK(ran.how.peak_memory > 1_MiB);
  CHECK(ran.how.peak_pids >= 1);
}

TEST_CASE("An exit code is the program's own") {
  started_jailer jails;
  const auto ran = run(jails.client(), python("raise SystemExit(42)"));
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.how.code == 42);
  CHECK(describe(ran.how) == "exited with code 42");
}

TEST_CASE("A signal is told from an exit") {
  started_jailer jails;
  const auto ran = run(jails.client(), python("import os; os.abort()"));
  CHECK(ran.how.reason == ending::signalled);
  CHECK(ran.how.signal == SIGABRT);
  CHECK(describe(ran.how) == "killed by signal 6 (SIGABRT)");
}

TEST_CASE("A program sees what is handed to it as standard input, and nothing without") {
  started_jailer jails;
  const auto what = python("import sys; print(repr(sys.stdin.read()))");
  CHECK(run(jails.client(), what).out == "''\n");
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], "hello", 5) == 5);
  ::close(ends[1]);
  CHECK(run(jails.client(), what, {}, unique_fd{ends[0]}).out == "'hello'\n");
}

TEST_CASE("Output is kept up to its cap, the rest is read and dropped") {
  started_jailer jails;
  auto what = inmate({"flood", "4000000"});
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.out.size() == 1 << 20);
  CHECK(ran.err.size() == 1 << 20);
  CHECK(ran.totals.stdout_bytes >= 4'000'000);
  CHECK(ran.totals.stderr_bytes >= 4'000'000);
  CHECK(ran.totals.truncated);
}

TEST_CASE("A flood of output ends the jail where the policy says so") {
  started_jailer jails;
  auto what = inmate({"flood"});
  what.limits.when_output_exceeds = on_output_limit::kill;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::output_limit);
  CHECK(ran.out.size() == 1 << 20);
}

TEST_CASE("Output that just fits its cap is not truncated") {
  started_jailer jails;
  const auto ran = run(jails.client(), inmate({"flood", "1048576"}));
  CHECK(ran.out.size() == 1 << 20);
  CHECK_FALSE(ran.totals.truncated);
}

TEST_CASE("A flood is still bound by the wall time") {
  started_jailer jails;
  auto what = inmate({"flood"});
  what.limits.wall = 300ms;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::wall_timeout);
  CHECK(ran.out.size() == 1 << 20);
}

TEST_CASE("The wall time ends a program together with the daemon it made") {
  started_jailer jails;
  auto what = inmate({"daemonise", "stay"});
  what.limits.wall = 200ms;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::wall_timeout);
  CHECK(ran.how.wall >= 200ms);
  CHECK(ran.how.wall < 2s);
  CHECK(jailed_processes().empty());
}

TEST_CASE("A daemon does not outlive the program") {
  started_jailer jails;
  const auto ran = run(jails.client(), inmate({"daemonise"}));
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.how.wall < 5s);
  CHECK(jailed_processes().empty());
}

TEST_CASE("CPU time is counted over all threads and processes together") {
  started_jailer jails;
  auto what = inmate({"spin"});
  what.limits.cpu = 300ms;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::cpu_timeout);
  CHECK(ran.how.cpu >= 300ms);
  CHECK(ran.how.cpu < 1s);
}

TEST_CASE("A program that takes more memory than it may is ended for that") {
  started_jailer jails;
  if (!is_counted(jails)) return;
  auto what = inmate({"hog"});
  what.limits.memory = 64_MiB;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::out_of_memory);
  CHECK(ran.how.memory_killed);
  CHECK(ran.how.peak_memory > 32_MiB);
  CHECK(ran.how.peak_memory <= 65_MiB);
}

TEST_CASE("A child that is killed for memory does not decide over a program that exits 0") {
  started_jailer jails;
  if (!is_counted(jails)) return;
  auto what = inmate({"hog", "child"});
  what.limits.memory = 64_MiB;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.how.code == 0);
  CHECK(ran.how.memory_killed);
}

TEST_CASE("Files in a tmpfs count as the jail's memory") {
  started_jailer jails;
  if (!is_counted(jails)) return;
  auto what = python("open('/tmp/x', 'wb').write(b'x' * (96 << 20))");
  what.tmpfs.push_back({.target = "/tmp", .size = 512_MiB});
  what.limits.memory = 64_MiB;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::out_of_memory);
}

TEST_CASE("A fork bomb is refused at its limit, reported, and gone at the end") {
  started_jailer jails;
  if (!is_counted(jails)) return;
  auto what = inmate({"fork_bomb"});
  what.limits.pids = 20;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.how.code == EAGAIN);
  CHECK(ran.how.pids_exhausted);
  CHECK(ran.how.peak_pids <= 20);
  CHECK(jailed_processes().empty());
}

TEST_CASE("A stop request cancels a running jail") {
  started_jailer jails;
  auto started = jails.client().start(inmate({"daemonise", "stay"}));
  REQUIRE(started.has_value());
  std::stop_source stop;
  std::jthread later{[&] { stop.request_stop(); }};
  const auto ran = collect(*started, stop.get_token());
  CHECK(ran.how.reason == ending::canceled);
  CHECK(jailed_processes().empty());
}

TEST_CASE("A jail that nobody waits for is ended") {
  started_jailer jails;
  {
    auto started = jails.client().start(inmate({"daemonise", "stay"}));
    REQUIRE(started.has_value());
  }
  CHECK(eventually([] { return jailed_processes().empty(); }));
}

TEST_CASE("What can't be jailed is a failure that names step and object, and nothing runs") {
  started_jailer jails;
  const auto refused = [&](const policy& what) {
    auto started = jails.client().start(what);
    REQUIRE(started.has_error());
    CHECK(jailed_processes().empty());
    return started.error().describe();
  };
  auto what = inmate({"/no/such/program"});
  CHECK(refused(what) ==
        "program: execve /no/such/program: No such file or directory (does it exist inside, with its loader?)");

  what = inmate({"descriptors"});
  what.binds.push_back({.source = "/no/such/dir", .target = "/x"});
  CHECK_THAT(refused(what), Contains("open /no/such/dir: No such file"));

  what = inmate({"descriptors"});
  what.binds.push_back({.source = "/root", .target = "/x"});
  CHECK_THAT(refused(what), Contains("bind: /root: Permission denied (not below any --allow-bind"));

  what = inmate({"descriptors"});
  what.binds.push_back({.source = "/usr/bin", .target = "/usr/not-there"});
  CHECK_THAT(refused(what), Contains("mkdir /usr/not-there: Read-only file system"));

  what = inmate({"descriptors"});
  what.working_directory = "/nowhere";
  CHECK_THAT(refused(what), Contains("chdir /nowhere: No such file"));

  // Whoever asks for more open files than the jailer may give is told so, and does not get fewer.
  what = inmate({"descriptors"});
  what.limits.open_files = 1 << 20;
  CHECK_THAT(refused(what), Contains("RLIMIT_NOFILE=1048576: Operation not permitted"));
}

TEST_CASE("Every field of a policy is checked by the jailer") {
  started_jailer jails;
  const auto refused = [&](auto&& spoil) {
    auto what = inmate({"descriptors"});
    spoil(what);
    auto started = jails.client().start(what);
    REQUIRE(started.has_error());
    CHECK(started.error().step == "validate_policy");
  };
  refused([](policy& p) { p.argv.clear(); });
  refused([](policy& p) { p.argv[0] = "not/absolute"; });
  refused([](policy& p) { p.argv.push_back(std::string{"a\0b", 3}); });
  refused([](policy& p) { p.environment.push_back("NO_VALUE"); });
  refused([](policy& p) { p.working_directory = "/../etc"; });
  refused([](policy& p) { p.hostname = ""; });
  refused([](policy& p) { p.hostname = std::string(65, 'x'); });
  refused([](policy& p) { p.binds.push_back({.source = "/usr/../root", .target = "/x"}); });
  refused([](policy& p) { p.binds.push_back({.source = "/usr", .target = "x"}); });
  refused([](policy& p) { p.tmpfs.push_back({.target = "/"}); });
  refused([](policy& p) { p.tmpfs.push_back({.target = "/t", .size = 0_B}); });
  refused([](policy& p) { p.tmpfs.push_back({.target = "/t", .inodes = 0}); });
  refused([](policy& p) { p.volumes.push_back({.index = 0, .target = "/v"}); });
  refused([](policy& p) { p.files.push_back({"/a//b", ""}); });
  refused([](policy& p) { p.links.push_back({"/a", ""}); });
  refused([](policy& p) { p.limits.wall = 0ms; });
  refused([](policy& p) { p.limits.wall = -1ms; });
  refused([](policy& p) { p.limits.cpu = 0ms; });
  refused([](policy& p) { p.limits.memory = 0_B; });
  refused([](policy& p) { p.limits.pids = 0; });
  refused([](policy& p) { p.limits.open_files = 0; });
  refused([](policy& p) { p.limits.cpus = -1; });
  refused([](policy& p) { p.limits.cpus = std::numeric_limits<double>::quiet_NaN(); });
}
