// The table of runtimes, and what of it a host has.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "sandbox/runtimes/installed.hpp"
#include "sandbox/validate.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret::sandbox;

namespace {

const runtime& named(const char* name) {
  const auto* found = find_runtime(name);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("a runtime has one name, and no other's name or alias finds it", "[runtimes]") {
  std::set<std::string_view> names;
  for (const auto& row : runtimes()) {
    INFO(row.name);
    CHECK(names.insert(row.name).second);
    for (const std::string_view alias : row.aliases) {
      CHECK(names.insert(alias).second);
      CHECK(find_runtime(alias) == &row);
    }
    CHECK(find_runtime(row.name) == &row);
    CHECK(find_runtime("code-runner-" + std::string{row.name}) == &row);
  }
  for (const auto* known : {"python", "node", "go", "rust", "deno", "bun", "ruby"}) CHECK(names.contains(known));
  CHECK(runtimes().front().name == "python");
  CHECK(&named("python3.12") == &named("python"));
  CHECK(find_runtime("") == nullptr);
  CHECK(find_runtime("code-runner-") == nullptr);
  CHECK(find_runtime("cobol") == nullptr);
}

TEST_CASE("each row says enough to run a program, and its policy is a valid one", "[runtimes]") {
  const installed_runtimes here{"/opt/elsewhere"};
  for (const auto& row : runtimes()) {
    INFO(row.name);
    CHECK(std::string_view{row.main_file}.ends_with(row.extension));
    CHECK(row.needs.size() > 0);
    CHECK(!row.install.empty());
    policy what = base_policy();
    here.furnish(row, "/work", what);
    what.argv = here.run_argv(row, "/work");
    const auto valid = validate(what, 0);
    INFO((valid ? "" : valid.error().describe()));
    CHECK(valid.has_value());
    CHECK(what.working_directory == "/work");
    std::set<std::string> names;
    for (const auto& variable : what.environment) {
      CHECK(variable.find('{') == variable.npos);
      CHECK(names.insert(variable.substr(0, variable.find('='))).second);
    }
    const auto files = here.sdk(row, "/work");
    CHECK(!files.empty());
    for (const auto& file : files) {
      CHECK(!file.path.starts_with('/'));
      CHECK(file.content.find("{dir}") == file.content.npos);
      CHECK(file.path != row.main_file);
    }
  }
}

TEST_CASE("what is not installed says what is missing and what to do", "[runtimes]") {
  const lazaret::testing::temporary_folder folder;
  const auto dir = folder.path().string();
  CHECK(installed_runtimes{dir}.what_is_missing(named("deno")) ==
        "deno is not installed here (" + dir + "/deno/deno is missing): deploy/deps.sh --runtimes");
  std::filesystem::create_directories(folder.path() / "deno");
  {
    std::ofstream script{folder.path() / "deno/deno"};
    script << "#!/bin/sh\necho deno 1.2.3\necho more; env\n";
  }
  std::filesystem::permissions(folder.path() / "deno/deno", std::filesystem::perms{0755});
  const installed_runtimes with{dir};
  CHECK(with.has(named("deno")));
  CHECK(with.what_is_missing(named("deno")).empty());
  for (int tries = 0; with.version(named("deno")).empty() && tries < 1000; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  CHECK(with.version(named("deno")) == "deno 1.2.3");
}
