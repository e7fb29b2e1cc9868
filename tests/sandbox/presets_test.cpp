// The presets' numbers against the contracts that they serve, and the table that explains their fields.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "sandbox/policy_fields.hpp"
#include "sandbox/presets.hpp"
#include "sandbox/validate.hpp"

using namespace lazaret::sandbox;
using namespace std::chrono_literals;

namespace {

const preset& named(const char* name) {
  const auto* found = find_preset(name);
  REQUIRE(found != nullptr);
  return *found;
}

const place* place_at(const preset& p, std::string_view target) {
  const auto found = std::ranges::find(p.places, target, &place::target);
  return found == p.places.end() ? nullptr : found;
}

bool has(const preset& p, std::string_view variable) {
  return std::ranges::find(p.environment, variable) != p.environment.end();
}

}  // namespace

TEST_CASE("the presets are the six that there are, each a valid policy", "[presets]") {
  std::set<std::string_view> names;
  for (const preset& one : presets()) {
    names.insert(one.name);
    INFO(one.name);
    auto what = make_policy(one);
    what.argv = {"/usr/bin/true"};
    const auto valid = validate(what, 0);
    INFO((valid ? "" : valid.error().describe()));
    CHECK(valid.has_value());
    CHECK(what.network == network_mode::none);
    CHECK(what.tmpfs.size() == one.places.size());
    const auto outliving = std::ranges::count_if(one.places, &place::outlives);
    CHECK(make_policy(one, true).tmpfs.size() == one.places.size() - static_cast<std::size_t>(outliving));
  }
  CHECK(names == std::set<std::string_view>{"default", "triage", "snekbox", "quartermaster", "jobs", "compile"});
  CHECK(presets().front().name == "default");
  CHECK(find_preset("Default") == nullptr);
}

TEST_CASE("the preset triage has the limits of DESIGN section 6", "[presets]") {
  const auto& p = named("triage");
  CHECK(p.limits.wall == 45s);
  CHECK(p.limits.cpu == 30s);
  CHECK(p.limits.address_space == 1024_MiB);
  CHECK(p.limits.memory == p.limits.address_space + 512_MiB);
  CHECK(p.limits.open_files == 1024);
  CHECK(p.limits.pids == 128);
  CHECK(p.limits.output == 1_MiB);
  CHECK((p.observe && p.audit_channel && p.mount_proc));
}

TEST_CASE("the preset snekbox is the jail of its contract", "[presets]") {
  const auto& p = named("snekbox");
  CHECK(p.limits.wall == 6s);
  CHECK(p.limits.memory == 70_MiB);
  CHECK(p.limits.address_space == 700_MiB);
  CHECK(p.limits.pids == 15 + 1);
  CHECK(p.limits.cpu >= 15 * p.limits.wall);  // none in the contract: the wall time must come first
  CHECK(p.limits.when_output_exceeds == on_output_limit::kill);
  CHECK(p.limits.output == 1'000'000_B);
  REQUIRE(place_at(p, "/home") != nullptr);
  CHECK(place_at(p, "/home")->size == 48_MiB);
  REQUIRE(place_at(p, "/dev/shm") != nullptr);
  CHECK(place_at(p, "/dev/shm")->size == 40_MiB);
  CHECK(p.places.size() == 2);
  CHECK_FALSE(p.mount_proc);
  CHECK(std::string_view{p.hostname} == "snekbox");
  CHECK(std::string_view{p.working_directory} == "/home");
  for (const char* variable : {"LANG=en_US.UTF-8", "OMP_NUM_THREADS=15", "OPENBLAS_NUM_THREADS=15",
                               "MKL_NUM_THREADS=15", "VECLIB_MAXIMUM_THREADS=15", "NUMEXPR_NUM_THREADS=15",
                               "PYTHONDONTWRITEBYTECODE=true", "PYTHONIOENCODING=utf-8:strict", "PYTHONUNBUFFERED=true",
                               "PYTHONUSERBASE=/snekbox/user_base", "PYTHON_COLORS=1", "HOME=/home"}) {
    INFO(variable);
    CHECK(has(p, variable));
  }
  CHECK(p.environment.size() == 12);
}

TEST_CASE("the preset quartermaster has the defaults of its contract", "[presets]") {
  const auto& p = named("quartermaster");
  CHECK(p.limits.wall == 30s);
  CHECK(p.limits.memory == 256_MiB);
  CHECK(p.limits.cpus == 4.0);
  CHECK(p.limits.cpu_shares == 512);
  for (const char* writable : {"/workspace", "/tmp"}) {
    REQUIRE(place_at(p, writable) != nullptr);
    CHECK(place_at(p, writable)->size == 512_MiB);
    CHECK(place_at(p, writable)->writable);
  }
  CHECK(place_at(p, "/metadata") != nullptr);
  CHECK(std::string_view{p.working_directory} == "/workspace");
}

TEST_CASE("the preset jobs has the defaults of its contract", "[presets]") {
  const auto& p = named("jobs");
  CHECK(p.limits.wall == 60s);
  CHECK(p.limits.cpus == 1.0);
  CHECK(p.limits.memory == 512_MiB);
  CHECK(p.limits.pids == 128);
  REQUIRE(place_at(p, "/tmp") != nullptr);
  CHECK(place_at(p, "/tmp")->size == 64_MiB);
  for (const char* read_only : {"/workspace/code", "/workspace/input"}) {
    REQUIRE(place_at(p, read_only) != nullptr);
    CHECK_FALSE(place_at(p, read_only)->writable);
  }
  REQUIRE(place_at(p, "/workspace/output") != nullptr);
  CHECK(place_at(p, "/workspace/output")->writable);
  CHECK(std::string_view{p.working_directory} == "/workspace/code");
  CHECK(has(p, "JOB_INPUT_DIR=/workspace/input"));
  CHECK(has(p, "JOB_OUTPUT_DIR=/workspace/output"));
  CHECK(has(p, "MPLCONFIGDIR=/tmp/matplotlib"));
}

TEST_CASE("every field of a policy is explained, once, with the consequence of loosening it", "[presets]") {
  // A new member doesn't compile here until it is counted, and then it must have a row.
  [[maybe_unused]] const auto& [wall, cpu, memory, address_space, pids, open_files, file_size, cpus, shares, output,
                                when] = limits{};
  [[maybe_unused]] const auto& [argv, environment, directory, hostname, binds, tmpfs, overlays, volumes, files, links,
                                network, port, merge, terminal, proc, audit, observe, of_limits] = policy{};
  constexpr std::size_t of_limits_count = 11;
  constexpr std::size_t of_policy_count = 18 - 3;  // argv is what runs, limits are counted, the port is the network's
  std::set<std::string_view> names;
  const auto what = make_policy(presets().front());
  for (const policy_field& field : policy_fields()) {
    names.insert(field.name);
    INFO(field.name);
    CHECK_FALSE(field.value(what).empty());
    CHECK(field.loosening.size() > 20);
  }
  CHECK(names.size() == policy_fields().size());
  CHECK(names.size() == of_limits_count + of_policy_count);
}
