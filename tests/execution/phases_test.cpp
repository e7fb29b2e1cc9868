#include "actors/execution/phases.hpp"

#include "actors/cpu_shares.hpp"
#include "actors/work.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "sandbox/presets.hpp"

using namespace lazaret;
using namespace lazaret::actors;

namespace {

execution_options some_options() {
  execution_options o;
  o.site.root = "/site";
  return o;
}

submission asking(std::string name, std::string version) {
  submission s;
  s.package_name = std::move(name);
  s.version = std::move(version);
  return s;
}

}  // namespace

TEST_CASE("each mode begins with the install") {
  CHECK(phases_of(mode::install) == std::vector<std::string>{"install"});
  CHECK(phases_of(mode::execute) == std::vector<std::string>{"install", "execute"});
  CHECK(phases_of(mode::execute_module) == std::vector<std::string>{"install", "execute_module"});
  CHECK(phases_of(mode::full) == std::vector<std::string>{"install", "import", "entry_points"});
}

TEST_CASE("no name or version that could mean something else to pip reaches it") {
  const auto options = some_options();
  CHECK(install_policy(asking("ruamel.yaml", "1!2.0.post1+local.3"), options).has_value());
  for (const char* name :
       {"", "--index-url=x", "-e", "a b", "a@file:///x", "../a", "a;b", "a[extra]", "a\n", "a==1", "./a"}) {
    CHECK(install_policy(asking(name, "1"), options).has_error());
  }
  for (const char* version : {"", "1,>0", "1 ", "*", "1.*", "1;python_version", "-1", "1#", "1@x"}) {
    CHECK(install_policy(asking("a", version), options).has_error());
  }
  CHECK(install_policy(asking(std::string{"a\0b", 3}, "1"), options).has_error());
}

TEST_CASE("the install sees the gateway only, what runs later sees no network") {
  const auto options = some_options();
  const auto install = install_policy(asking("a", "1"), options);
  REQUIRE(install.has_value());
  CHECK(install->network == sandbox::network_mode::gateway);
  CHECK(install->argv.back().find("\"requirement\":\"a==1\"") != std::string::npos);
  CHECK(install->argv.back().find("http://127.0.0.1:3141/simple") != std::string::npos);
  for (const char* name : {"execute", "execute_module", "import", "entry_points"}) {
    CHECK(run_policy(name, asking("a", "1"), options).network == sandbox::network_mode::none);
  }
}

TEST_CASE("the settings reach the jail's limits") {
  auto options = some_options();
  options.wall = std::chrono::seconds{7};
  options.cpu = std::chrono::seconds{3};
  options.pids = 9;
  options.open_files = 77;
  options.disk = sandbox::bytes{10};
  options.address_space = sandbox::bytes{100};
  const auto policy = run_policy("import", asking("a", "1"), options);
  CHECK(policy.limits.wall == std::chrono::seconds{7});
  CHECK(policy.limits.cpu == std::chrono::seconds{3});
  CHECK(policy.limits.pids == 9);
  CHECK(policy.limits.cpu_shares ==
        lazaret::actors::batch_cpu_shares);  // less than people's code, for whom somebody waits
  CHECK(policy.limits.open_files == 77);
  CHECK(policy.limits.address_space.count == 100);
  CHECK(policy.limits.memory.count == 110);
  CHECK(policy.observe);
  CHECK(policy.audit_channel);
}

TEST_CASE("what a client names stays one value of one argument") {
  auto asked = asking("a", "1");
  asked.file_path = "x\",\"phase\":\"install";
  const auto policy = run_policy("execute", asked, some_options());
  CHECK(policy.argv.size() == 6);
  CHECK(policy.argv.back().find(R"("file_path":"x\",\"phase\":\"install")") != std::string::npos);
}

TEST_CASE("without settings, a phase has the limits of the preset triage") {
  const auto& preset = *sandbox::find_preset("triage");
  const auto what = run_policy("import", asking("a", "1"), {});
  CHECK(what.limits.wall == preset.limits.wall);
  CHECK(what.limits.cpu == preset.limits.cpu);
  CHECK(what.limits.memory == preset.limits.memory);
  CHECK(what.limits.address_space == preset.limits.address_space);
  CHECK(what.limits.pids == preset.limits.pids);
  CHECK(what.limits.open_files == preset.limits.open_files);
  CHECK(what.limits.file_size == preset.limits.file_size);
  CHECK(what.limits.output == preset.limits.output);
  CHECK(what.working_directory == work_directory);
  REQUIRE(what.volumes.size() == 1);
  CHECK(what.volumes.front().target == work_directory);
  CHECK(execution_options{}.disk == preset.places.begin()->size);
}
