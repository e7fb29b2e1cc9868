/// The download stage's work as a whole: the rows of "what bad input gets" that are its.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <thread>

#include "actors/download/release.hpp"
#include "tests/download/station.hpp"

using namespace lazaret;
using namespace lazaret::download;
using tests::release_of;
using tests::station;

namespace {

download_error failure_of(station& s, const actors::submission& asked, std::uint64_t cap = 50'000'000) {
  download_budget budget{sandbox::bytes{cap}};
  const auto r = download_release(asked, *s.upstream, budget, {});
  REQUIRE(r.has_error());
  CHECK(budget.used() <= cap);
  return r.error();
}

}  // namespace

TEST_CASE("A real release is resolved, verified, cached and listed, and counted by source") {
  station s;
  download_budget budget{sandbox::bytes{300'000'000}};
  const auto r = download_release(release_of("setuptools", "66.1.1"), *s.upstream, budget, {});
  REQUIRE(r.has_value());
  CHECK(r->artefact.kind == actors::artefact_kind::wheel);
  CHECK(r->artefact.url == s.index.url("/file/setuptools-66.1.1-py3-none-any.whl"));
  CHECK(r->notes.empty());
  CHECK(r->listing.files > 100);
  CHECK(r->listing.pth_files == std::vector<std::string>{"distutils-precedence.pth"});
  CHECK(std::find(r->listing.modules.begin(), r->listing.modules.end(), "setuptools.command.build_py") !=
        r->listing.modules.end());
  CHECK(budget.used() > r->artefact.size);
  CHECK(s.upstream->cache().find(r->artefact.sha256));

  download_budget again{sandbox::bytes{300'000'000}};
  REQUIRE(download_release(release_of("Setup.Tools", "66.1.1"), *s.upstream, again, {}).has_error());
  REQUIRE(download_release(release_of("SetupTools", "66.1.1"), *s.upstream, again, {}).has_value());
  CHECK(s.asked_for("/file/setuptools-66.1.1-py3-none-any.whl") == 1);
  CHECK(s.asked_for("/simple/setuptools/") == 1);
  const auto text = s.count.exposition();
  const auto line = "lazaret_download_bytes_total{ecosystem=\"pypi\",source=\"cache\"} ";
  CHECK(text.find(line) != std::string::npos);
  CHECK(text.find(std::string{line} + "0\n") == std::string::npos);
}

TEST_CASE("An unknown package and an unknown version are errors that say which") {
  station s;
  auto e = failure_of(s, release_of("No.Such-Package", "1.0"));
  CHECK(e.what == problem::not_found);
  CHECK(e.text == "package not found in the index: No.Such-Package");
  e = failure_of(s, release_of("wheel", "9.9"));
  CHECK(e.what == problem::not_found);
  CHECK(e.text == "version not found: wheel==9.9 (newest: 0.38.4)");
}

TEST_CASE("A name that is none is refused before anything is sent") {
  station s;
  for (const auto& name : {std::string{"../../etc/passwd"}, std::string{"a\0b", 3}, std::string(201, 'a'),
                           std::string{"--index-url=x"}, std::string{""}}) {
    const auto e = failure_of(s, release_of(name, "1.0"));
    CHECK(e.what == problem::refused);
    CHECK(e.text == "not a package name");
  }
  CHECK(failure_of(s, release_of("torch", "1.0")).text == "package is denied: torch");
  auto other = release_of("left-pad", "1.0");
  other.ecosystem = "npm";
  CHECK(failure_of(s, other).what == problem::refused);
}

TEST_CASE("An index that misbehaves ends the download with a clear error, within its limits") {
  station s;
  const auto [name, what, text] = GENERATE(table<std::string, problem, std::string>({
      {"bad-hang", problem::timeout, "no answer in time"},
      {"bad-hanging-page", problem::timeout, "no answer in time"},
      {"bad-drip", problem::timeout, "no answer in time"},
      {"bad-short", problem::transport, "fewer bytes came than its Content-Length says"},
      {"bad-long", problem::transport, "more bytes came than its Content-Length says"},
      {"bad-digest", problem::digest_mismatch, "the index says"},
      {"bad-loop", problem::refused, "more than 5 redirects"},
      {"bad-endless", problem::cap_exceeded, "download byte cap exceeded"},
      {"bad-announced", problem::cap_exceeded, "download byte cap exceeded"},
      {"bad-endless-page", problem::cap_exceeded, "download byte cap exceeded"},
      {"bad-garbage", problem::malformed, "no page"},
      {"bad-deep", problem::malformed, "can't be read"},
      {"bad-reset", problem::transport, ""},
      {"bad-nothing", problem::transport, ""},
      {"bad-nonsense", problem::transport, "not HTTP"},
      {"bad-headers", problem::transport, "headers don't end"},
  }));
  INFO(name);
  const auto e = failure_of(s, release_of(name, "1.0"));
  INFO(e.text);
  CHECK(e.what == what);
  CHECK(e.text.find(text) != std::string::npos);
}

TEST_CASE("What the index could not do the first time is tried again") {
  station s;
  download_budget budget{sandbox::bytes{50'000'000}};
  const auto r = download_release(release_of("bad-once", "1.0"), *s.upstream, budget, {});
  REQUIRE(r.has_value());  // it is no archive, though
  CHECK_FALSE(r->unpackable);
  CHECK(r->error.find("can't be read") != std::string::npos);
}

TEST_CASE("A hostile archive is a result with evidence, not a failure") {
  const lazaret::testing::temporary_folder folder;
  REQUIRE(
      std::system(("/usr/bin/python3 " LAZARET_SOURCE_DIR "/tests/download/make_archives.py " + folder.path().string())
                      .c_str()) == 0);
  station s{{folder.path().string()}};
  download_budget budget{sandbox::bytes{300'000'000}};
  const auto bomb = download_release(release_of("bomb", "1.0"), *s.upstream, budget, {});
  REQUIRE(bomb.has_value());
  CHECK_FALSE(bomb->unpackable);
  CHECK(bomb->error == "bomb-1.0-py3-none-any.whl unpacks to more than 200 times its " +
                           std::to_string(bomb->artefact.size) + " bytes");
  REQUIRE_FALSE(bomb->notes.empty());
  CHECK(bomb->notes[0].rule == "archive_bomb");
  const auto sdist = download_release(release_of("sgood", "1.0"), *s.upstream, budget, {});
  REQUIRE(sdist.has_value());
  CHECK(sdist->artefact.kind == actors::artefact_kind::sdist);
  CHECK(sdist->unpackable);
  CHECK(sdist->notes.empty());
  const auto stranger = download_release(release_of("stwogz", "1.0"), *s.upstream, budget, {});
  REQUIRE(stranger.has_value());
  REQUIRE(stranger->notes.size() == 1);
  CHECK(stranger->notes[0].rule == "metadata_mismatch");
}

TEST_CASE("A download is canceled at once") {
  auto options = station::quick();
  options.fetch.low_speed_time = std::chrono::seconds{60};
  station s{{}, options};
  std::stop_source stop;
  download_budget budget{sandbox::bytes{50'000'000}};
  auto running = std::async(std::launch::async, [&] {
    return download_release(release_of("bad-hang", "1.0"), *s.upstream, budget, stop.get_token());
  });
  while (s.asked_for("/simple/bad-hang/") == 0) std::this_thread::yield();
  stop.request_stop();
  const auto r = running.get();
  REQUIRE(r.has_error());
  CHECK(r.error().what == problem::canceled);
}

TEST_CASE("An index URL that is none is refused at the start") {
  metrics::instruments count;
  const lazaret::testing::temporary_folder folder;
  for (const auto* url : {"", "nonsense", "/simple"}) {
    registry_options options;
    options.index_url = url;
    options.cache.folder = folder.path();
    CHECK(registry::open(options, count).has_error());
  }
}
