// Jails that waited without knowing what for: faster than one that is made when it is asked for, and otherwise the
// same.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>

#include "sandbox/shell.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using Catch::Matchers::Contains;

namespace {

policy script(std::string text) {
  auto what = inmate({"/bin/sh", "-c", std::move(text)});
  what.tmpfs.push_back({.target = "/tmp"});
  return what;
}

struct jailer_with_shells : started_jailer {
  explicit jailer_with_shells(std::string how_many = "2") : started_jailer{{"--shells", how_many}} {}
  void await(std::size_t waiting) {
    // On a busy machine a companion of the jailer may be without its name for long, and is no shell.
    const auto is_init = [](pid_t child) {
      std::string name;
      std::getline(std::ifstream{"/proc/" + std::to_string(child) + "/comm"}, name);
      return name == "jail-init";
    };
    REQUIRE(eventually([&] {
      const auto all = children();
      return all.size() == waiting && std::ranges::all_of(all, is_init);
    }));
  }
};

/// Runs it in a shell: the one that waited has gone with it.
finished run_in_shell(const policy& what, unique_fd standard_input = unique_fd{}) {
  jailer_with_shells jails{"1"};
  jails.await(1);
  const auto waited = jails.children().front();
  auto done = run(jails.client(), what, {}, std::move(standard_input));
  CHECK(eventually([&] { return ::kill(waited, 0) != 0; }));
  return done;
}

}  // namespace

TEST_CASE("A shell is told the whole policy: program, streams, files, links, directories, host name, /proc") {
  auto what = script(
      "read line; echo $0 $NAME $(pwd) $line $(uname -n) $(cat /etc/own /opt/link) $(/opt/run); echo $$ > /tmp/x && ls "
      "/tmp /made /proc/self/status; touch /made/x 2>/dev/null || echo read-only; echo to-stderr >&2; exit 7");
  what.argv.push_back("zero");
  what.environment = {"PATH=/usr/bin:/bin", "NAME=value"};
  what.working_directory = "/usr/bin";
  what.hostname = "elsewhere";
  what.files.push_back({"/etc/own", "own"});
  what.files.push_back({"/opt/run", "#!/bin/sh\necho ran\n", true});
  what.links.push_back({"/opt/link", "/etc/own"});
  what.tmpfs.push_back({.target = "/made", .writable = false});
  what.mount_proc = true;
  std::array<int, 2> input{};
  REQUIRE(::pipe(input.data()) == 0);
  REQUIRE(::write(input[1], "line\n", 5) == 5);
  ::close(input[1]);

  const auto done = run_in_shell(what, unique_fd{input[0]});
  CHECK(done.out ==
        "zero value /usr/bin line elsewhere ownown ran\n/proc/self/status\n\n/made:\n\n/tmp:\nx\nread-only\n");
  CHECK(done.err == "to-stderr\n");
  CHECK(done.how.code == 7);
}

TEST_CASE("A jail that was a shell looks from inside as one that was made for its program") {
  // All mounts with their options, all that is in the root, what each process is, holds and may do.
  auto what = script(
      "cut -d' ' -f4- /proc/self/mountinfo | sed -E 's/(uid|gid|size|nr_inodes)=[0-9k]*//g' | sort; stat -f -c '%b %c' "
      "/tmp; find / -xdev ! -path '/tmp*' -printf '%p %M %U "
      "%s\\n' | sort; for d in /tmp /usr /etc /dev /; do stat -f -c '%n %T %S' $d; done; for p in 1 $$; do grep -vE "
      "'ctxt|^State|^SigCgt|^Vm|^Rss|^Hugetlb|allowed' /proc/$p/status | cut -c1-60; done; ls /proc/$$/fd; ulimit -a; "
      "umask; "
      "cat /proc/$$/cgroup | sed 's/jail-[0-9]*//'; grep -c . /proc/net/dev /etc/passwd");
  what.mount_proc = true;
  what.files.push_back({"/etc/own", "own"});
  what.environment = {"PATH=/usr/bin:/bin"};
  started_jailer made{{"--shells", "0"}};
  const auto expected = run(made.client(), what);
  const auto found = run_in_shell(what);
  CHECK_THAT(expected.out, Contains("CapBnd:\t0000000000000000"));
  CHECK_THAT(expected.out, Contains("/inmates"));
  CHECK(found.out == expected.out);
  CHECK(found.err == expected.err);
}

TEST_CASE("Limits, the observer and the audit channel are as a shell's policy says") {
  auto hog = script("exec /inmates/hog");
  hog.limits.memory = 64_MiB;
  hog.observe = true;
  const auto heavy = run_in_shell(hog);
  INFO(describe(heavy.how) << "; it printed: " << heavy.out << heavy.err);
  REQUIRE(!heavy.observations.empty());
  CHECK_THAT(heavy.observations.front(), Contains("/bin/sh"));
  started_jailer counting;
  if (is_counted(counting)) CHECK(heavy.how.reason == ending::out_of_memory);

  auto many = script("for i in 1 2 3 4 5 6 7 8 9; do sleep 9 & done; wait");
  many.limits.pids = 6;
  if (is_counted(counting)) CHECK(run_in_shell(many).how.pids_exhausted);

  auto sleeper = script("sleep 30");
  sleeper.limits.wall = std::chrono::milliseconds{300};
  CHECK(run_in_shell(sleeper).how.reason == ending::wall_timeout);

  auto speaker = script("test -S /run/lazaret/audit.sock && echo there");
  speaker.audit_channel = true;
  CHECK(run_in_shell(speaker).out == "there\n");

  auto files = script("ulimit -n; ulimit -f");
  files.limits.open_files = 77;
  files.limits.file_size = 4_MiB;
  CHECK_THAT(run_in_shell(files).out, Contains("77\n"));
}

TEST_CASE("A policy that is larger than a message is told to a shell too") {
  auto what = script("echo ${#LONG}");
  what.environment.push_back("LONG=" + std::string(100'000, 'x'));
  what.files.push_back({"/ballast", std::string(200'000, 'y')});
  CHECK(run_in_shell(what).out == "100000\n");
}

TEST_CASE("What goes wrong while a shell becomes a jail is told as if it had been made for it") {
  auto what = script("true");
  what.files.push_back({"/same", "a"});
  what.files.push_back({"/same", "b"});
  jailer_with_shells jails;
  jails.await(2);
  const auto refused = jails.client().start(what);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().describe() == "furnish_root: create /same: File exists");
  auto lost = inmate({"/nowhere"});
  const auto missing = jails.client().start(lost);
  REQUIRE(!missing.has_value());
  CHECK(missing.error().step == "program");
  CHECK(run(jails.client(), script("echo here")).out == "here\n");
}

TEST_CASE("A host path that no shell may see is refused, and one that leads through a link is met without a shell") {
  jailer_with_shells jails;
  jails.await(2);
  auto hidden = script("true");
  hidden.binds.push_back({.source = "/root", .target = "/root"});
  const auto refused = jails.client().start(hidden);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().error == EACCES);
  auto linked = script("test -e /linked && echo there");
  linked.binds.push_back({.source = "/bin/sh", .target = "/linked"});
  CHECK(run(jails.client(), linked).out == "there\n");
  auto absent = script("test -e /absent || echo absent");
  absent.binds.push_back({.source = "/usr/is/not/there", .target = "/absent", .optional = true});
  CHECK(run(jails.client(), absent).out == "absent\n");
}

TEST_CASE("Each shell is used once, killed ones are replaced, and all end with their jailer") {
  jailer_with_shells jails;
  jails.await(2);
  for (int i = 0; i < 6; ++i)
    CHECK(run(jails.client(), script("ls -A /tmp; echo secret > /tmp/left; ls /tmp")).out == "left\n");
  jails.await(2);
  for (const auto pid : jails.children()) ::kill(pid, SIGKILL);
  REQUIRE(eventually([&] { return jails.children().empty(); }));  // or its next holder is told that it was lost
  for (int i = 0; i < 3; ++i) CHECK(run(jails.client(), script("echo here")).out == "here\n");
  jails.await(2);
  const auto waiting = jails.children();
  jails.hang_up();
  CHECK(jails.wait_for_exit() == 0);
  for (const auto pid : waiting) CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("What a shell can become, and what is made for its policy") {
  const auto common = policy_of_shells();
  const auto with = [&](auto change) {
    auto what = base_policy();
    change(what);
    return fits(common, what);
  };
  CHECK(with([](policy&) {}));
  CHECK(with([](policy& p) { p.binds.push_back({.source = "/usr/lib", .target = "/opt"}); }));
  CHECK(with([](policy& p) { p.files.push_back({"/etc/own", "x"}); }));
  CHECK(with([](policy& p) { p.tmpfs.push_back({.target = "/etc"}); }));
  CHECK(with([](policy& p) { p.observe = p.audit_channel = p.mount_proc = p.merge_output = true; }));

  CHECK_FALSE(with([](policy& p) { p.binds.clear(); }));
  CHECK_FALSE(with([](policy& p) { p.binds.front().executable = false; }));
  CHECK_FALSE(with([](policy& p) { p.files.front().content += "root:x:0:0"; }));
  CHECK_FALSE(with([](policy& p) { p.files.push_back({"/usr/own", "x"}); }));
  CHECK_FALSE(with([](policy& p) { p.files.push_back({"/big", std::string(600 << 10, 'x')}); }));
  CHECK_FALSE(with([](policy& p) { p.links.push_back({"/usr/bin", "elsewhere"}); }));
  CHECK_FALSE(with([](policy& p) { p.tmpfs.push_back({.target = "/.host"}); }));
  CHECK_FALSE(with([](policy& p) { p.network = network_mode::gateway; }));
  CHECK_FALSE(with([](policy& p) { p.terminal = {24, 80}; }));
  CHECK_FALSE(with([](policy& p) { p.volumes.push_back({.index = 0, .target = "/v"}); }));
  CHECK_FALSE(with([](policy& p) { p.overlays.push_back({.lower = {"/usr"}, .target = "/o"}); }));
  CHECK_FALSE(with([](policy& p) { p.binds.push_back({.source = "/tmp", .target = "/t", .writable = true}); }));
}
