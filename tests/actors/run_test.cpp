#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <limits>

#include "actors/json.hpp"

namespace {

using namespace lazaret::actors;
using namespace std::chrono_literals;
namespace json = boost::json;
const std::chrono::system_clock::time_point noon{1'800'000'000'123ms};

submission some_submission() {
  return {"triage", "::1", "pypi", "left-pad", "1.0", mode::execute, "a/b.py", std::nullopt, "left_pad"};
}

download_result some_download() {
  download_result r;
  r.artefact = {"x-1-py3-none-any.whl",
                "http://i/x.whl",
                std::string(64, 'a'),
                true,
                1ULL << 63,
                artefact_kind::sdist,
                true,
                ">=3"};
  r.listing = {3, 400, {"x", "x.y"}, {{"x", "x:main"}, {"y", "x:y"}}, {"x.pth"}, "x", "1"};
  r.notes = {{"archive_traversal", "../../etc/passwd"}};
  r.unpackable = false;
  r.error = "it broke";
  return r;
}

execution_result some_execution() {
  phase p;
  p.name = "install", p.prefix = "install", p.ok = true, p.summary = "install ok", p.stdout_bytes = 7,
  p.watched = false;
  p.audit_file = "install.audit.jsonl", p.uncovered = {"/bin/sh"}, p.audit_events = 12, p.timed_out = true;
  p.outcome.reason = lazaret::sandbox::ending::syscall_denied;
  p.outcome.syscall = "ptrace", p.outcome.code = -1, p.outcome.wall = 1'234'567'891ns, p.outcome.cpu = 3ns;
  p.outcome.peak_memory = {4096}, p.outcome.peak_pids = 9, p.outcome.pids_exhausted = true;
  p.outcome.bytes_written = {123}, p.outcome.processes = 14;
  return {{p, p}, {{"idna.whl", "ff", 12, true}}, 99, {{"download_cap", "300 MB"}}, "no jail"};
}

analysis_result some_analysis() {
  return {verdict::malicious,
          100,
          {{"r", severity::critical, "T", {"e1", "e2"}}},
          {{"w"}, {"r"}, {"dns x"}, {"sh -c"}, {{"open", std::numeric_limits<std::uint64_t>::max()}}},
          {"u"},
          "s"};
}

template <class T>
void require_round_trip(const T& value) {
  const auto text = json::serialize(to_json(value));
  const auto back = from_json<T>(json::parse(text));
  REQUIRE(back);
  CHECK(json::serialize(to_json(*back)) == text);
}

TEST_CASE("Every word of the vocabulary is read back as what it was") {
  for (const auto m : {mode::install, mode::execute, mode::execute_module, mode::full})
    CHECK(parse<mode>(name(m)) == m);
  for (const auto s : {status::queued, status::running, status::completed, status::failed, status::canceled})
    CHECK(parse<status>(name(s)) == s);
  for (const auto v : {verdict::benign, verdict::suspicious, verdict::malicious, verdict::inconclusive})
    CHECK(parse<verdict>(name(v)) == v);
  CHECK(name(severity::critical) == "critical");
  CHECK(parse<work_stage>("report") == work_stage::report);
  CHECK(parse<delivery_status>("failed") == delivery_status::failed);
  CHECK(parse<artefact_kind>("sdist") == artefact_kind::sdist);
}

TEST_CASE("A word outside the closed set is nothing") {
  CHECK_FALSE(parse<mode>("Install"));
  CHECK_FALSE(parse<mode>(""));
  CHECK_FALSE(parse<status>("done"));
}

TEST_CASE("A moment is written as ISO 8601 in UTC with milliseconds") {
  CHECK(iso8601(noon) == "2027-01-15T08:00:00.123Z");
  CHECK(iso8601({}) == "1970-01-01T00:00:00.000Z");
  CHECK(iso8601(std::chrono::system_clock::time_point{-1ms}) == "1969-12-31T23:59:59.999Z");
  CHECK(from_iso8601("2027-01-15T08:00:00.123Z") == noon);
}

TEST_CASE("What is not a moment as we write it is refused") {
  const auto* text = GENERATE("", "2027-01-15", "2027-02-30T08:00:00.123Z", "2027-01-15T24:00:00.000Z",
                              "2027-01-15 08:00:00.123Z", "2027-01-15T08:00:00.123+", "2O27-01-15T08:00:00.123Z");
  CHECK_FALSE(from_iso8601(text));
}

TEST_CASE("A stage's result survives the way to the store and back") {
  require_round_trip(some_submission());
  require_round_trip(some_download());
  require_round_trip(some_execution());
  require_round_trip(some_analysis());
  require_round_trip(stage_timing{work_stage::analysis, "done", noon, noon + 5s, 3});
}

TEST_CASE("Numbers at the end of their range and nanoseconds are kept exactly") {
  const auto down = from_json<download_result>(to_json(some_download()));
  REQUIRE(down);
  CHECK(down->artefact.size == 1ULL << 63);
  const auto done = from_json<execution_result>(json::parse(json::serialize(to_json(some_execution()))));
  REQUIRE(done);
  CHECK(done->phases[1].outcome.wall == 1'234'567'891ns);
  CHECK(done->phases[1].outcome.reason == lazaret::sandbox::ending::syscall_denied);
}

TEST_CASE("A stage that is still at work has no end yet") {
  const auto v = to_json(stage_timing{work_stage::download, "", noon, {}, 1});
  CHECK(v.at("finished_at").is_null());
  CHECK(from_json<stage_timing>(v)->finished_at == std::chrono::system_clock::time_point{});
}

TEST_CASE("A document of another shape is refused whichever field is missing or of another type") {
  const auto whole = to_json(some_execution()).as_object();
  for (const auto& field : whole) {
    auto without = whole;
    without.erase(field.key());
    CHECK_FALSE(from_json<execution_result>(without));
    auto other = whole;
    other[field.key()] = json::object{{"x", 1.5}};
    CHECK_FALSE(from_json<execution_result>(other));
  }
  CHECK_FALSE(from_json<execution_result>(json::array{}));
  auto wrong_word = to_json(some_submission());
  wrong_word.as_object()["mode"] = "explode";
  CHECK_FALSE(from_json<submission>(wrong_word));
  auto negative = to_json(some_download());
  negative.at("artefact").as_object()["size"] = -1;
  CHECK_FALSE(from_json<download_result>(negative));
}

TEST_CASE("Bytes that are not UTF-8 become U+FFFD, one for each maximal subpart") {
  CHECK(valid_utf8("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x8D") == "plain é € 🐍");
  CHECK(valid_utf8("\xFF") == "\uFFFD");
  CHECK(valid_utf8("\xC0\xAF") == "\uFFFD\uFFFD");
  CHECK(valid_utf8("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
  CHECK(valid_utf8("\xF0\x9F\x90") == "\uFFFD");
  CHECK(valid_utf8("\xF0\x9F\x90x") == "\uFFFDx");
  CHECK(valid_utf8("\xF4\x90\x80\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");
  // Unicode 15, table 3-11.
  CHECK(valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
}

TEST_CASE("A note with hostile bytes is still valid JSON") {
  download_result r;
  r.notes = {{"archive_traversal", std::string{"a\0\"\\\x80\n", 6}}};
  const auto back = from_json<download_result>(json::parse(json::serialize(to_json(r))));
  REQUIRE(back);
  CHECK(back->notes[0].evidence == std::string{"a\0\"\\\uFFFD\n", 8});
}

TEST_CASE("A run shows its verdict only once there is one, and sums up what its phases used") {
  run r;
  r.run_id = "id", r.asked = some_submission(), r.created_at = noon;
  CHECK(to_json(r).at("verdict").is_null());
  CHECK(to_json(r).at("findings").as_array().empty());
  r.execution = some_execution(), r.analysis = some_analysis(), r.status = status::completed;
  const auto v = to_json(r);
  CHECK(v.at("verdict") == "malicious");
  CHECK(v.at("status") == "completed");
  CHECK(v.at("usage").at("wall_seconds").as_double() == Approx(2.469135782));
  CHECK(v.at("usage").at("peak_pids") == 9);
  CHECK(v.at("usage").at("processes") == 28);  // in two phases
  CHECK(v.at("usage").at("bytes_written") == 246);
  CHECK(v.at("usage").at("downloaded_bytes") == 99);
  CHECK(v.at("delivery") == "none");
  CHECK(v.at("error").is_null());
}

}  // namespace
