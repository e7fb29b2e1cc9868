// stress-ng, all classes of stressors one after another in a jail each, while other jails go about their work.
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* stress_ng = "/usr/bin/stress-ng";
constexpr std::array classes{"cpu-cache", "cpu",     "device", "filesystem", "gpu",       "interrupt", "io",
                             "memory",    "network", "os",     "pipe",       "scheduler", "security",  "vm"};
/// Stressors that make a deadly call, which ends the jail and would keep the others of their class from running. Each
/// with the call; tried one by one below.
constexpr std::array deadly{std::pair{"enosys", "i386:fork"}, std::pair{"ioport", "ioperm"},
                            std::pair{"reboot", "reboot"}, std::pair{"syscall", "ioperm"}};
/// Instructions and arguments drawn at random: whether one of them is deadly is, too.
constexpr std::array random_ones{"opcode", "sysinval"};

/// LAZARET_STRESS_SECONDS for all classes together: 60 for the full measure, 14 unless told.
std::chrono::milliseconds time_for_each() {
  const char* told = ::getenv("LAZARET_STRESS_SECONDS");
  const int seconds = told != nullptr ? std::atoi(told) : 14;
  return std::chrono::milliseconds{std::max(1000 * seconds / static_cast<int>(classes.size()), 1000)};
}

policy stress(std::vector<std::string> options, std::chrono::milliseconds time) {
  std::vector<std::string> command{stress_ng,   "--temp-path", "/tmp",
                                   "--oomable", "--timeout",   std::to_string(time / 1s) + "s"};
  command.insert(command.end(), options.begin(), options.end());
  auto what = inmate(command);
  what.working_directory = "/tmp";
  what.tmpfs.push_back({.target = "/tmp", .size = 64_MiB, .executable = true});
  what.mount_proc = true;
  what.network = network_mode::gateway;
  what.limits.memory = 512_MiB;
  what.limits.pids = 400;
  what.limits.wall = time + 3s;
  what.limits.cpu = (time + 3s) * 64;
  return what;
}

/// Runs what must come out the same whatever goes on beside it, until told to stop. How often it did, and what did not.
struct neighbour {
  std::atomic<int> runs = 0;
  std::string wrong;
  void live(jailer& with, const std::stop_token& stop) {
    while (!stop.stop_requested() && wrong.empty()) {
      auto what = inmate({"counts", "2", "3", "70001"});
      what.limits.wall = 60s;
      auto started = with.start(what);
      const auto how = started ? started->wait({}) : result<outcome>{started.error()};
      if (!how)
        wrong = how.error().describe();
      else if (how->reason != ending::exited || how->code != 0 || how->bytes_written.count != 6 * 70'001 ||
               how->processes != 6 || how->memory_killed || how->pids_exhausted)
        wrong = describe(*how);
      ++runs;
    }
  }
};

}  // namespace

TEST_CASE("stress-ng in a jail hurts nobody beside it and is gone with its jail") {
  REQUIRE(::access(stress_ng, X_OK) == 0);
  started_jailer jails;
  neighbour beside;
  std::jthread other{[&](const std::stop_token& stop) { beside.live(jails.client(), stop); }};
  std::string left_out;
  for (const auto& [stressor, call] : deadly) left_out += std::string{stressor} + ",";
  for (const char* const stressor : random_ones) left_out += std::string{stressor} + ",";
  for (const char* const kind : classes) {
    const int before = beside.runs;
    const auto ran =
        run(jails.client(), stress({"--class", kind, "--all", "1", "--exclude", left_out}, time_for_each()));
    INFO(kind << ": " << describe(ran.how) << " " << ran.how.syscall << "\n" << ran.out << ran.err);
    CHECK((ran.how.reason == ending::exited || ran.how.reason == ending::wall_timeout ||
           ran.how.reason == ending::out_of_memory));
    CHECK(ran.how.wall < time_for_each() + 20s);  // idle and nice ones take their time to die on a busy host
    CHECK(jailed_processes().size() <= 12);       // the neighbour's
    std::printf("%-10s %-28s %6.1f s cpu  %5u processes  %4llu MiB peak  %5d neighbours\n", kind,
                describe(ran.how).c_str(), std::chrono::duration<double>(ran.how.cpu).count(), ran.how.processes,
                static_cast<unsigned long long>(ran.how.peak_memory.count >> 20), beside.runs - before);
  }
  other.request_stop();
  other.join();
  CHECK(beside.wrong == "");
  CHECK(beside.runs > static_cast<int>(classes.size()));
  CHECK(eventually([&] { return jailed_processes().empty() && jails.children().empty(); }));
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
}

TEST_CASE("Stressors that ask for what nobody may are ended for that, by name") {
  started_jailer jails;
  for (const auto& [stressor, call] : deadly) {
    INFO(stressor);
    const auto ran = run(jails.client(), stress({std::string{"--"} + stressor, "1"}, 2s));
    CHECK(ran.how.reason == ending::syscall_denied);
    CHECK(ran.how.syscall == call);
  }
  for (const char* const stressor : random_ones) {
    INFO(stressor);
    const auto ran = run(jails.client(), stress({std::string{"--"} + stressor, "1"}, 2s));
    CHECK(ran.how.wall < 6s);
  }
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
}
