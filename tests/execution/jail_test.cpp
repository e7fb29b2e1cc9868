// Real releases through real jails.
#include <algorithm>
#include <thread>
#include <utility>

#include "tests/execution/triage.hpp"

using namespace lazaret::actors;
using namespace lazaret::actors::testing;
using lazaret::sandbox::ending;

TEST_CASE("a real release with its dependencies is installed through the gateway") {
  triage stage;
  const execution_result result = stage.run("requests", "2.28.1");
  INFO(result.error);
  REQUIRE(result.error.empty());
  REQUIRE(result.phases.size() == 1);
  const phase& p = result.phases[0];
  INFO(stage.text(p.stderr_file));
  CHECK(p.summary == "install ok");
  CHECK(p.ok);
  CHECK(p.watched);
  CHECK(p.prefix == "install");
  CHECK(p.audit_events > 100);
  CHECK(p.uncovered == std::vector<std::string>{});
  CHECK(stage.text(p.stdout_file).find("Successfully installed certifi-2022.9.24") != std::string::npos);
  CHECK(stage.text(p.observations_file).find("\"event\":\"connect\"") != std::string::npos);
}

TEST_CASE("every module of a release is imported and every script called") {
  triage stage;
  const execution_result result = stage.run("charset-normalizer", "3.0.1", mode::full);
  INFO(result.error);
  REQUIRE(result.phases.size() == 3);
  INFO(stage.text(result.phases[1].stderr_file));
  CHECK(result.phases[1].summary.find("; imported 12 of 12 modules") != std::string::npos);
  INFO(stage.text(result.phases[2].stderr_file));
  CHECK(result.phases[2].summary.find("; called 1 of 1 entry points") != std::string::npos);
  for (const phase& p : result.phases) {
    INFO(p.name);
    CHECK(p.ok);
    CHECK(p.watched);
  }
}

TEST_CASE("a version that the index does not have fails with pip's own words") {
  triage stage;
  const execution_result result = stage.run("six", "99.0", mode::execute);
  REQUIRE(result.error.empty());
  REQUIRE(result.phases.size() == 1);
  CHECK_FALSE(result.phases[0].ok);
  CHECK(result.phases[0].summary.starts_with("pip install failed: ERROR: Could not find a version"));
  CHECK(result.phases[0].summary.ends_with("; execute was not run"));
}

TEST_CASE("an index that is not there fails the install and not the service") {
  triage stage;
  stage.hooks.serve_gateway = [](lazaret::sandbox::unique_fd) { return std::shared_ptr<void>{}; };
  const execution_result result = stage.run("six", "1.16.0");
  REQUIRE(result.error.empty());
  CHECK(result.phases.at(0).summary.starts_with("pip install failed: "));
}

TEST_CASE("a download over the cap is told as such") {
  triage stage;
  stage.hooks.account = [] { return gateway_account{{}, 300, {{"download_cap", "x"}}}; };
  const execution_result result = stage.run("six", "99.0");
  CHECK(result.phases.at(0).summary == "pip install failed: download byte cap exceeded");
  CHECK(result.downloaded_bytes == 300);
}

TEST_CASE("without a jailer a run ends with the reason") {
  triage stage;
  stage.jailer().kill();
  const execution_result result = stage.run("six", "1.16.0");
  CHECK_FALSE(result.error.empty());
  CHECK(result.phases.empty());
}

TEST_CASE("a run that is canceled ends at once and says so") {
  triage stage;
  std::stop_source stop;
  stage.hooks.on_observation = [&](const std::string&) { stop.request_stop(); };
  const auto begun = std::chrono::steady_clock::now();
  const execution_result result = stage.run(asking("requests", "2.28.1"), stop.get_token());
  CHECK(result.error == "canceled");
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{5});
}

TEST_CASE("nothing of a run is left in the jailer") {
  triage stage;
  (void)stage.run("six", "1.16.0");
  using lazaret::sandbox::testing::eventually;
  std::string files;  // once what the run had open is closed
  REQUIRE(eventually([&] {
    const auto earlier = std::exchange(files, stage.jailer().open_files());
    return earlier == files && stage.jailer().children().empty();
  }));
  for (int i = 0; i < 3; ++i) (void)stage.run("six", "1.16.0");
  CHECK(eventually([&] { return stage.jailer().open_files() == files; }));
  CHECK(eventually([&] { return stage.jailer().children().empty(); }));
}
