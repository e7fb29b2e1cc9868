// Every layer is seen to hold in a real jail, and seen to be broken where there is none.
#include "sandbox/self_test.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>

#include "tests/sandbox/other_kernel.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const layer_report& of(const std::vector<layer_report>& reports, std::string_view name) {
  const auto found = std::find_if(reports.begin(), reports.end(), [&](const auto& r) { return r.name == name; });
  REQUIRE(found != reports.end());
  return *found;
}

/// What lazaret-probe prints where there is no jail, with a descriptor that nobody wants.
std::string probe_outside(std::vector<std::string> words) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const unique_fd read{ends[0]}, lock{::open(shared_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  REQUIRE(::flock(lock.get(), LOCK_SH) == 0);
  unique_fd write{ends[1]};
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], 1);
    ::dup2(1, 9);
    ::execv(LAZARET_BINARY_DIR "/bin/lazaret-probe", argv.data());
    ::_exit(127);
  }
  write.reset();
  std::string said;
  std::array<char, 4096> some{};
  for (ssize_t n = 0; (n = ::read(read.get(), some.data(), some.size())) > 0;)
    said.append(some.data(), static_cast<std::size_t>(n));
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(WIFEXITED(status));
  return said;
}

protocol::survey_answer host_of_this_process() {
  protocol::survey_answer host;
  for (const auto& l : layers())
    host.layers.push_back({.name = std::string{l.name}, .state = layer_state::active, .required = true, .detail = {}});
  for (const std::string kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    std::array<char, 64> text{};
    REQUIRE(::readlink(("/proc/self/ns/" + kind).c_str(), text.data(), text.size() - 1) > 0);
    host.namespaces.emplace_back(text.data());
  }
  host.landlock_abi = 7;
  return host;
}

bool anybody_may_go_to(const std::filesystem::path& folder) {
  using std::filesystem::perms;
  for (auto at = folder;; at = at.parent_path()) {
    if ((std::filesystem::status(at).permissions() & perms::others_exec) == perms::none) return false;
    if (at == at.parent_path()) return true;
  }
}

}  // namespace

TEST_CASE("In a jail every layer that this host can have holds") {
  started_jailer jails;
  const auto reports = jails.client().self_test();
  INFO((reports ? "" : reports.error().describe()));
  REQUIRE(reports.has_value());
  CHECK(reports->size() == layers().size());
  for (const auto& r : *reports) {
    INFO(r.name << ": " << r.detail);
    CHECK(r.state != layer_state::broken);
    CHECK(r.required == (r.state == layer_state::active));
    CHECK(r.detail != "");
  }
  CHECK_FALSE(is_degraded(*reports));
  CHECK(jails.client().check().has_value());
}

TEST_CASE("In the jail of an ordinary user's jailer nothing is broken either, with Landlock or without") {
  if (::getuid() == 0 && !anybody_may_go_to(LAZARET_BINARY_DIR "/bin")) {
    WARN("Not tried: below a private directory, where an ordinary user can't start the jailer");
    return;
  }
  const bool has_landlock = GENERATE(true, false);  // without, only its being opaque hides a jail's init
  started_jailer jails{{}, [=] {
                         if (!has_landlock) lose_landlock();
                         if (::getuid() != 0) return;
                         if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 ||
                             ::setresuid(65534, 65534, 65534) != 0)
                           ::_exit(126);
                       }};
  const auto reports = jails.client().self_test();
  INFO((reports ? "" : reports.error().describe()));
  REQUIRE(reports.has_value());
  for (const auto& r : *reports) {
    INFO(r.name << ": " << r.detail);
    CHECK(r.state != layer_state::broken);
  }
  CHECK_FALSE(is_degraded(*reports));
}

TEST_CASE("Outside of a jail the same probe finds every layer broken") {
  auto host = host_of_this_process();
  const auto words = probe_policy(host, {}).argv;
  const auto reports = judge(host, probe_outside(words), outcome{});
  for (const auto& r : reports) {
    INFO(r.name << ": " << r.detail);
    CHECK(r.state == layer_state::broken);
  }
  CHECK(is_degraded(reports));
}

TEST_CASE("What the probe says of a limit is believed only when the kernel counted it outside") {
  const auto host = host_of_this_process();
  const std::string said = "memory\tactive\tx\npids\tactive\tx\ncpu\tactive\tx\nseccomp\tactive\tx\n";
  for (const auto* layer : {"memory", "pids", "cpu", "seccomp"}) {
    INFO(layer);
    CHECK(of(judge(host, said, outcome{}), layer).state == layer_state::broken);
  }
  outcome how;
  how.memory_killed = how.pids_exhausted = how.cpu_throttled = true;
  how.reason = ending::syscall_denied;
  for (const auto* layer : {"memory", "pids", "cpu", "seccomp"})
    CHECK(of(judge(host, said, how), layer).state == layer_state::active);
}

TEST_CASE("A layer of which the probe says nothing is broken, whatever stands in its other lines") {
  const auto host = host_of_this_process();
  outcome how;
  how.code = 3;
  const auto reports = judge(host, "user\nusers\tactive\tx\n\n\t\nnet\tbroken\tsees eth0\nroot\t\n", how);
  CHECK(of(reports, "user").state == layer_state::broken);
  CHECK_THAT(of(reports, "user").detail, Contains("exited with code 3"));
  CHECK(of(reports, "net").detail == "sees eth0");
  CHECK(of(reports, "root").state == layer_state::broken);
}

TEST_CASE("Without Landlock in the kernel jails are made, and it is reported") {
  started_jailer jails{{}, lose_landlock};
  const auto reports = jails.client().self_test();
  INFO((reports ? "" : reports.error().describe()));
  REQUIRE(reports.has_value());
  const auto& landlock = of(*reports, "landlock");
  CHECK(landlock.state == layer_state::unavailable);
  CHECK_FALSE(landlock.required);
  CHECK_THAT(landlock.detail, Contains("landlock_create_ruleset"));
  CHECK_FALSE(is_degraded(*reports));
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
}

TEST_CASE("A layer that JAIL_REQUIRE names and the kernel lacks refuses every jail, and says why") {
  started_jailer jails{{"--require", "rlimits, landlock"}, lose_landlock};
  const auto refused = jails.client().check();
  REQUIRE(refused.has_error());
  CHECK(refused.error().step == "landlock");
  CHECK(refused.error().error == EOPNOTSUPP);
  CHECK_THAT(refused.error().hint, Contains("JAIL_REQUIRE names landlock"));
  const auto jail = jails.client().start(inmate({"descriptors"}));
  REQUIRE(jail.has_error());
  CHECK(jail.error().describe() == refused.error().describe());
  CHECK(eventually([&] { return jails.children().empty(); }));

  const auto reports = jails.client().self_test();
  INFO((reports ? "" : reports.error().describe()));
  REQUIRE(reports.has_value());
  CHECK(of(*reports, "landlock").state == layer_state::unavailable);
  CHECK(of(*reports, "landlock").required);
  CHECK_THAT(of(*reports, "seccomp").detail, StartsWith("not tried"));
  CHECK(is_degraded(*reports));
}

TEST_CASE("A layer that no jail may do without and that can't be set up lets no program run") {
  // close_range(2) is how a jail lets go of the jailer's descriptors.
  started_jailer jails{{}, [] { lose_call(SYS_close_range, ENOSYS); }};
  const auto jail = jails.client().start(inmate({"descriptors"}));
  REQUIRE(jail.has_error());
  CHECK(jail.error().step == "descriptors");
  CHECK(jail.error().error == ENOSYS);
  const auto reports = jails.client().self_test();
  INFO((reports ? "" : reports.error().describe()));
  REQUIRE(reports.has_value());
  CHECK(of(*reports, "descriptors").state == layer_state::unavailable);
  CHECK(is_degraded(*reports));
}

TEST_CASE("A required layer is one that there is") {
  started_jailer jails{{"--require", "landlok"}};
  CHECK(jails.wait_for_exit() == 2);
  const auto wrong = parse_layer_names("landlock,landlok");
  REQUIRE(wrong.has_error());
  CHECK_THAT(wrong.error().describe(), Contains("`landlok`") && Contains("landlock"));
  CHECK(parse_layer_names(" net , pids,").value() == std::vector<std::string>{"net", "pids"});
  CHECK(parse_layer_names("").value().empty());
}
