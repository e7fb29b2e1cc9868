/// A real pip against the gateway, whose upstream is a real (small) index.
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>

#include "actors/download/digest.hpp"
#include "actors/download/release.hpp"
#include "http/gateway_listener.hpp"
#include "tests/download/loopback.hpp"
#include "tests/download/station.hpp"

using namespace lazaret;
using namespace lazaret::download;
using namespace std::chrono_literals;

namespace {

struct ran {
  int code;
  std::string output;
};

ran run(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 4096> block{};
  while (const auto n = std::fread(block.data(), 1, block.size(), pipe)) output.append(block.data(), n);
  return {WEXITSTATUS(::pclose(pipe)), output};
}

ran pip(tests::station& s, const std::string& words, int port) {
  return run("env -i HOME=" + s.folder.path().string() + " PATH=/usr/bin:/bin /usr/bin/python3 -m pip --isolated " +
             "--disable-pip-version-check --no-cache-dir install --no-input --index-url http://127.0.0.1:" +
             std::to_string(port) + "/simple --target " + (s.folder.path() / "target").string() + " " + words);
}

}  // namespace

TEST_CASE("A real pip installs a real release through the gateway, from the cache that the download stage filled") {
  tests::station s;
  actors::submission asked;
  asked.package_name = "Wheel";
  asked.version = "0.38.4";
  download_budget budget{sandbox::bytes{300'000'000}};
  const auto release = download_release(asked, *s.upstream, budget, {});
  INFO((release ? "" : release.error().text));
  REQUIRE(release.has_value());
  CHECK(release->artefact.filename == "wheel-0.38.4-py3-none-any.whl");
  CHECK(release->artefact.digest_from_index);
  CHECK(release->unpackable);
  CHECK(release->listing.metadata_name == "wheel");
  CHECK(release->listing.metadata_version == "0.38.4");
  const auto paid = budget.used();

  gateway_options options;
  options.package_name = asked.package_name;
  options.version = asked.version;
  options.artefact = release->artefact;
  gateway g{*s.upstream, budget, options};
  auto [listener, port] = tests::listen_on_loopback();
  http::gateway_listener serving{std::move(listener), [&](const auto& r, auto stop) { return g.answer(r, stop); }};

  const auto installed = pip(s, "Wheel==0.38.4", port);
  INFO(installed.output);
  CHECK(installed.code == 0);
  CHECK(std::filesystem::exists(s.folder.path() / "target/wheel/__init__.py"));
  CHECK(g.record().dependencies.empty());
  CHECK(g.record().bytes_from_cache + g.record().bytes_from_index == 0);  // the artefact was paid for
  CHECK(budget.used() - paid < 10'000);                                   // but the page counts again

  const auto more = pip(s, "setuptools==66.1.1", port);
  INFO(more.output);
  CHECK(more.code == 0);
  const auto record = g.record();
  REQUIRE(record.dependencies.size() == 1);
  CHECK(record.dependencies[0].filename == "setuptools-66.1.1-py3-none-any.whl");
  CHECK(record.dependencies[0].size > 500'000);
  CHECK_FALSE(record.dependencies[0].from_cache);

  const auto denied = pip(s, "torch-thing", port);
  CHECK(denied.code != 0);
  CHECK(g.record().notes.size() == 1);
}
