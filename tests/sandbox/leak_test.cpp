// A thousand hostile programs, ended in all the ways in which a jail ends, leave the host as they found it.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "tests/sandbox/attack.hpp"
#include "tests/sandbox/host_state.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;

namespace {

constexpr int at_once = 4;

std::vector<attack> all_attacks() {
  std::vector<attack> all;
  for (const char* folder : {"bombs", "survivors", "escapes"})
    for (const auto& path : attacks_in(folder)) all.push_back(read_attack(path));
  return all;
}

/// One run, ended in the way that its number says. What went wrong with it; empty when there was a jail, whatever
/// became of that.
std::string run_one(jailer& with, attack what, int number) {
  what.jail.limits.wall = std::min(what.jail.limits.wall, 60ms);  // most are killed in the middle of it
  what.jail.observe = number % 3 == 0;
  what.jail.audit_channel = number % 5 == 0;
  what.jail.mount_proc = number % 7 == 0;
  if (number % 4 == 0) what.jail.network = network_mode::gateway;
  if (number % 4 == 1) allow_outbound(what.jail);
  what.jail.files.push_back({"/ballast", std::string(200'000, 'x')});  // a root that stays would be seen by its size
  const bool with_volume = what.wants_volume || number % 6 == 0;
  if (with_volume && !what.wants_volume) what.jail.volumes.push_back({.index = 0, .target = "/volume"});
  auto shared = with.make_volume({.size = 16_MiB, .inodes = 4096});
  if (!shared) return shared.error().describe();
  std::vector<const volume*> volumes;
  if (with_volume) volumes.push_back(&*shared);
  auto started = with.start(what.jail, volumes);
  if (!started) return started.error().describe();
  if (number % 8 == 1) return {};  // nobody waits: given up at once
  std::stop_source stop;
  if (number % 8 == 2) stop.request_stop();
  const auto how = started->wait({}, stop.get_token());
  return how ? "" : how.error().describe();
}

/// `waiting`: shells that the jailer keeps.
void run_hostile_programs(int runs, std::size_t waiting) {
  started_jailer jails{{"--shells", std::to_string(waiting)}};
  const auto attacks = all_attacks();
  REQUIRE(attacks.size() > 50);
  for (int number = 0; number < 24; ++number) (void)run_one(jails.client(), attacks[number % attacks.size()], number);
  const auto at_rest = [&] { return jails.children().size() == waiting && jailed_processes().size() == waiting; };
  REQUIRE(eventually(at_rest));
  // The jailer closes a jail's channel just after its last word: what is left when that has settled.
  host_state before = look_at_host(jails, first_uid());
  REQUIRE(eventually([&] {
    const auto earlier = std::exchange(before, look_at_host(jails, first_uid()));
    return earlier.own == before.own;
  }));

  std::atomic<int> next = 0;
  std::mutex mutex;
  std::vector<std::string> wrong;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < at_once; ++t)
      threads.emplace_back([&] {
        for (int number = next++; number < runs; number = next++) {
          const auto& what = attacks[static_cast<std::size_t>(number) % attacks.size()];
          auto complaint = run_one(jails.client(), what, number);
          const std::lock_guard lock{mutex};
          if (!complaint.empty()) wrong.push_back(what.name + ": " + complaint);
        }
      });
  }
  CHECK(wrong == std::vector<std::string>{});

  host_state after;
  (void)eventually([&] { return (after = look_at_host(jails, first_uid())).own == before.own; });
  for (const auto& [kind, count] : after.own) {
    INFO(kind);
    CHECK(count == before.own[kind]);
  }
  // Others make jails on this machine too; and the kernel frees what a namespace was made of when it finds the time.
  const auto grown = [&](const std::string& kind) { return after.shared[kind] - before.shared[kind]; };
  (void)eventually([&] {
    after = look_at_host(jails, first_uid());
    return std::ranges::all_of(after.shared, [&](const auto& each) { return grown(each.first) <= 0; });
  });
  for (const auto& [kind, count] : after.shared) {
    INFO(kind << ": " << before.shared[kind] << " before, " << count << " after");
    const bool is_size = kind == "shmem" || kind == "unreclaimable slab";
    CHECK(grown(kind) < (is_size ? 100'000 : runs / 2));
  }
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
}

}  // namespace

TEST_CASE("A thousand hostile programs leave nothing behind") { run_hostile_programs(1000, 0); }
TEST_CASE("Hostile programs in shells leave nothing behind") { run_hostile_programs(500, 2); }
