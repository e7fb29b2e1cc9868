/// What a jailed pip, or whoever runs in its place, may get out of the gateway.
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "actors/download/digest.hpp"
#include "actors/download/gateway.hpp"
#include "actors/download/release.hpp"
#include "tests/download/station.hpp"

using namespace lazaret;
using namespace lazaret::download;
using tests::release_of;
using tests::station;

namespace {

struct run {
  explicit run(station& s, std::uint64_t cap = 300'000'000, gateway_options options = {})
      : budget{sandbox::bytes{cap}}, out{*s.upstream, budget, std::move(options)} {}
  gateway_response get(std::string target, std::string accept = "text/html", std::string method = "GET") {
    return out.answer({std::move(method), std::move(target), std::move(accept)}, {});
  }
  download_budget budget;
  gateway out;
};

/// The first link of a page that the gateway wrote, without its fragment.
std::string first_link(const std::string& html) {
  const auto from = html.find("href=\"") + 6;
  return html.substr(from, html.find_first_of("#\"", from) - from);
}

std::string content_of(const gateway_response& r) {
  REQUIRE(r.file);
  std::string text(r.file_size, '\0');
  REQUIRE(::pread(r.file->get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return text;
}

}  // namespace

TEST_CASE("A project's page has the gateway's own links only, and they lead to the verified file") {
  station s;
  run r{s};
  const auto page = r.get("/simple/Wheel/");
  REQUIRE(page.status == 200);
  CHECK(page.body.find("http") == std::string::npos);
  const auto link = first_link(page.body);
  CHECK(link == "/files/0/wheel-0.38.4-py3-none-any.whl");
  const auto file = r.get(link);
  REQUIRE(file.status == 200);
  CHECK(page.body.find("#sha256=" + sha256_of(content_of(file))) != std::string::npos);
  CHECK(r.get("/simple/wheel").status == 200);  // without the slash too
  CHECK(s.asked_for("/simple/wheel/") == 1);

  const auto json = r.get("/simple/wheel/", std::string{json_page});
  CHECK(json.content_type == json_page);
  CHECK(json.body.find("\"url\":\"/files/0/wheel-0.38.4-py3-none-any.whl\"") != std::string::npos);

  const auto record = r.out.record();
  REQUIRE(record.dependencies.size() == 1);
  CHECK(record.dependencies[0].filename == "wheel-0.38.4-py3-none-any.whl");
  CHECK(record.bytes_from_index == record.dependencies[0].size);
  CHECK(record.notes.empty());
  CHECK_FALSE(record.cap_exceeded);
}

TEST_CASE("A file counts once per run, and a second run gets it from the cache at the same price") {
  station s;
  run first{s};
  const auto link = first_link(first.get("/simple/wheel/").body);
  CHECK(first.get(link).status == 200);
  const auto used = first.budget.used();
  CHECK(first.get(link).status == 200);
  CHECK(first.budget.used() == used);
  run second{s};
  CHECK(second.get(first_link(second.get("/simple/wheel/").body)).status == 200);
  CHECK(second.budget.used() == used);
  CHECK(second.out.record().dependencies.at(0).from_cache);
  CHECK(second.out.record().bytes_from_cache > 0);
  CHECK(s.asked_for("/file" + link.substr(8)) == 1);
}

TEST_CASE("Nothing else is there, whatever is asked") {
  station s;
  run r{s};
  REQUIRE(r.get("/simple/wheel/").status == 200);
  for (const auto* target : {"/",
                             "",
                             "/simple/",
                             "/simple",
                             "/simple//",
                             "/simple/../files/0/x",
                             "/simple/a/b/",
                             "/files/",
                             "/files/0",
                             "/files/0/",
                             "/files/1/wheel-0.38.4-py3-none-any.whl",
                             "/files/-1/x",
                             "/files/99999999999999999999/x",
                             "/files/0/../../etc/passwd",
                             "/files/0/%2e%2e%2fetc%2fpasswd",
                             "/files/0/nothing.whl",
                             "/files/0/%",
                             "/files/0/%zz",
                             "http://127.0.0.1/simple/x/",
                             "*",
                             "/simple/%77heel/",
                             "/pypi/wheel/json",
                             "/files/0/wheel-0.38.4-py3-none-any.whl.metadata"}) {
    INFO(target);
    CHECK(r.get(target).status == 404);
  }
  CHECK(r.get("/files/0/wheel%2D0.38.4-py3-none-any.whl").status == 200);  // the same name, escaped otherwise
  CHECK(r.get("/simple/" + std::string(5000, 'a') + "/").status == 414);
  CHECK(r.get("/simple/wheel/", "", "POST").status == 405);
  CHECK(r.get("/simple/wheel/", "", "CONNECT").status == 405);
  CHECK(r.get("/simple/wheel/", "", "HEAD").status == 200);
  CHECK(r.get("/simple/no-such-thing/").status == 404);
}

TEST_CASE("A denied dependency is refused and noted") {
  station s;
  run r{s};
  const auto answer = r.get("/simple/torch-vision/");
  CHECK(answer.status == 403);
  CHECK(answer.reason == "package is denied: torch-vision");
  REQUIRE(r.out.record().notes.size() == 1);
  CHECK(r.out.record().notes[0].rule == "denied_dependency");
}

TEST_CASE("A file over the cap is refused with the cap's words, which the record keeps") {
  station s;
  run r{s, 20'000};
  const auto answer = r.get(first_link(r.get("/simple/wheel/").body));
  CHECK(answer.status == 403);
  CHECK(answer.reason == "download byte cap exceeded");
  const auto record = r.out.record();
  CHECK(record.cap_exceeded);
  REQUIRE(record.notes.size() == 1);
  CHECK(record.notes[0].rule == "download_cap");
  CHECK(record.dependencies.empty());
}

TEST_CASE("An upstream that misbehaves is a bad gateway to the jail, with the reason, and ends") {
  station s;
  run r{s, 50'000'000};
  const auto [what, status] = GENERATE(table<std::string, int>(
      {{"digest", 502}, {"endless", 403}, {"hang", 504}, {"short", 502}, {"reset", 502}, {"loop", 403}}));
  const auto page = r.get("/simple/bad-" + what + "/");
  REQUIRE(page.status == 200);
  const auto answer = r.get(first_link(page.body));
  INFO(what << ": " << answer.reason);
  CHECK(answer.status == status);
  CHECK_FALSE(answer.reason.empty());
  CHECK(r.out.record().dependencies.empty());
  if (what == "digest") CHECK(r.out.record().notes.at(0).rule == "digest_mismatch");
}

TEST_CASE("A page of nonsense is a bad gateway") {
  station s;
  run r{s};
  CHECK(r.get("/simple/bad-garbage/").status == 502);
  CHECK(r.get("/simple/bad-deep/").status == 502);
}

TEST_CASE("Two requests at once for a file without end cost the budget once and are both refused") {
  station s;
  run r{s, 30'000'000};
  const auto link = first_link(r.get("/simple/bad-endless/").body);
  auto one = std::async(std::launch::async, [&] { return r.get(link).status; });
  auto two = std::async(std::launch::async, [&] { return r.get(link).status; });
  CHECK(one.get() == 403);
  CHECK(two.get() == 403);
  CHECK(r.get(link).status == 403);
  CHECK(r.budget.used() <= 30'000'000);
}

TEST_CASE("The release under triage is pinned: its version shows the file that was examined and no other") {
  station s;
  gateway_options options;
  options.package_name = "wheel";
  options.version = "0.38.4";
  download_budget budget{sandbox::bytes{300'000'000}};
  auto release = download_release(release_of("wheel", "0.38.4"), *s.upstream, budget, {});
  REQUIRE(release.has_value());
  options.artefact = release->artefact;
  options.artefact.filename = "wheel-0.38.4-2-py3-none-any.whl";  // not what the index shows now
  run r{s, 300'000'000, options};
  const auto page = r.get("/simple/wheel/");
  CHECK(page.body.find("wheel-0.38.4-py3") == std::string::npos);
  CHECK(page.body.find("wheel-0.38.4-2-py3-none-any.whl#sha256=" + release->artefact.sha256) != std::string::npos);
  const auto used = r.budget.used();
  CHECK(sha256_of(content_of(r.get(first_link(page.body)))) == release->artefact.sha256);
  CHECK(r.budget.used() == used);
  CHECK(r.out.record().dependencies.empty());
}

TEST_CASE("Requests and projects of one run are bounded") {
  station s;
  gateway_options options;
  options.most_requests = 5;
  options.most_projects = 1;
  run r{s, 300'000'000, options};
  CHECK(r.get("/simple/wheel/").status == 200);
  CHECK(r.get("/simple/pip/").status == 429);
  for (int i = 0; i < 3; ++i) CHECK(r.get("/nothing").status == 404);
  CHECK(r.get("/simple/wheel/").status == 429);
  const auto notes = r.out.record().notes;
  REQUIRE(notes.size() == 2);
  CHECK(notes[0].rule == "gateway_abuse");
}

TEST_CASE("A stop request ends what the gateway is waiting for") {
  auto options = station::quick();
  options.fetch.low_speed_time = std::chrono::seconds{60};
  station s{{}, options};
  run r{s};
  const auto link = first_link(r.get("/simple/bad-hang/").body);
  std::stop_source stop;
  auto running = std::async(std::launch::async, [&] {
    return r.out.answer({"GET", link, ""}, stop.get_token()).status;
  });
  while (s.asked_for("/bad/hang/bad_hang-1.0-py3-none-any.whl") == 0) std::this_thread::yield();
  stop.request_stop();
  CHECK(running.get() == 503);
}
