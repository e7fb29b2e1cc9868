// What jail, gateway and hook cost together; hidden, as a time is no property to fail a build for: run it with
// `[cost]`.
#include <algorithm>
#include <chrono>
#include <iostream>

#include "tests/execution/triage.hpp"

using namespace lazaret::actors;
using namespace lazaret::actors::testing;

namespace {

double milliseconds(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return all[all.size() / 2];
}

}  // namespace

TEST_CASE("an install of requests costs little more in a jail than outside", "[.][cost]") {
  triage stage;
  const auto port = std::to_string(20000 + ::getpid() % 20000);

  const pid_t server = ::fork();
  if (server == 0) {
    ::execl("/usr/bin/python3", "python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", mirror().c_str(),
            port.c_str(), nullptr);
    ::_exit(127);
  }
  std::vector<double> bare, jailed;
  for (int round = 0; round < 12; ++round) {
    const scratch space;
    bare.push_back(milliseconds([&] {
      const ran done = run_process({"/usr/bin/env", "PIP_CONFIG_FILE=/dev/null", "/usr/bin/python3", "-m", "pip",
                                    "install", "--no-cache-dir", "--no-input", "--disable-pip-version-check",
                                    "--index-url", "http://127.0.0.1:" + port + "/simple", "--target",
                                    (space.path() / "t").string(), "requests==2.28.1"});
      if (round > 0) CHECK(done.code == 0);
    }));
    jailed.push_back(milliseconds([&] { CHECK(stage.run("requests", "2.28.1").phases.at(0).ok); }));
  }
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  std::cout << "bare " << median(bare) << " ms, jailed " << median(jailed) << " ms, ratio "
            << median(jailed) / median(bare) << "\n";
}
