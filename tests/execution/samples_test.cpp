// Every sample package through a real jail and the real analysis: each is found as what it is, and its innocent twin is
// found innocent. What the archives do is up to download; here they only have to leave the jailer serving.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <set>

#include "actors/analysis/analyse.hpp"
#include "tests/execution/triage.hpp"

namespace json = boost::json;
using namespace lazaret::actors;
using namespace lazaret::actors::testing;

namespace {

json::array manifest() { return json::parse(slurp(mirror().parent_path() / "mirror" / "samples.json")).as_array(); }

bool is_seen_in_archive(std::string_view rule) {
  return rule.starts_with("archive_") || rule == "pth_file" || rule == "metadata_mismatch";
}

std::string describe(const lazaret::actors::run& what) {
  std::string text;
  for (const phase& p : what.execution->phases)
    text += p.name + ": " + p.summary + (p.watched ? "" : " (unwatched)") + "\n";
  for (const finding& f : what.analysis->findings) {
    text += f.rule + ": " + (f.evidence.empty() ? "" : f.evidence.front()) + "\n";
  }
  return text + "verdict " + std::string{name(what.analysis->verdict)} + ", score " +
         std::to_string(what.analysis->score);
}

lazaret::actors::run triaged(triage& stage, const json::object& sample) {
  auto what = asking(std::string{sample.at("name").as_string()}, std::string{sample.at("version").as_string()},
                     *parse<mode>(sample.at("mode").as_string()));
  if (sample.at("entrypoint").is_string()) what.asked.entrypoint = std::string{sample.at("entrypoint").as_string()};
  what.execution = stage.run(what);
  what.analysis = lazaret::analysis::analyse(what, stage.folder());
  return what;
}

}  // namespace

TEST_CASE("each sample package is found as what it is") {
  triage stage;
  stage.options.wall = std::chrono::seconds{8};
  for (const json::value& each : manifest()) {
    const json::object& sample = each.as_object();
    const std::string name{sample.at("name").as_string()};
    if (std::ranges::any_of(sample.at("rules").as_array(),
                            [](const auto& r) { return is_seen_in_archive(r.as_string()); }))
      continue;
    DYNAMIC_SECTION(name) {
      const auto what = triaged(stage, sample);
      INFO(what.execution->error << describe(what));
      REQUIRE(what.execution->error.empty());
      std::set<std::string> found;
      for (const finding& f : what.analysis->findings) found.insert(f.rule);
      for (const json::value& rule : sample.at("rules").as_array()) {
        INFO(rule.as_string());
        CHECK(found.contains(std::string{rule.as_string()}));
      }
      CHECK(lazaret::actors::name(what.analysis->verdict) == std::string_view{sample.at("verdict").as_string()});
      CHECK(what.execution->phases.back().ok == sample.at("ok").as_bool());
    }
  }
}

TEST_CASE("archives that no tool makes end in an answer and leave the jailer serving") {
  triage stage;
  stage.options.wall = std::chrono::seconds{8};
  for (const json::value& each : manifest()) {
    const json::object& sample = each.as_object();
    const std::string name{sample.at("name").as_string()};
    if (std::ranges::none_of(sample.at("rules").as_array(),
                             [](const auto& r) { return is_seen_in_archive(r.as_string()); }))
      continue;
    DYNAMIC_SECTION(name) {
      const auto what = triaged(stage, sample);
      INFO(what.execution->error << describe(what));
      REQUIRE(what.execution->error.empty());
      CHECK(what.execution->phases.back().ok == sample.at("ok").as_bool());
      CHECK(stage.run("six", "1.16.0").phases.at(0).ok);
    }
  }
}
