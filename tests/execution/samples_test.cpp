// Every sample package through a real jail and the real analysis: each is found as what it is, and its innocent twin is
// found innocent. What the archives do is up to download; here they only have to leave the jailer serving.
#include <algorithm>
#include <atomic>
#include <boost/json/parse.hpp>
#include <map>
#include <set>
#include <thread>

#include "actors/analysis/analyse.hpp"
#include "tests/execution/triage.hpp"

namespace json = boost::json;
using namespace lazaret::actors;
using namespace lazaret::actors::testing;

namespace {

json::array manifest() { return json::parse(slurp(mirror().parent_path() / "mirror" / "samples.json")).as_array(); }

bool is_told_by_download(std::string_view rule) {
  static const std::set<std::string_view> told_by_download{"pth_file",       "metadata_mismatch", "denied_dependency",
                                                           "yanked_release", "digest_missing",    "digest_mismatch",
                                                           "gateway_abuse"};
  return rule.starts_with("archive_") || told_by_download.contains(rule);
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

/// All samples, four at a time: most of them compute, some only wait for their limit.
std::map<std::string, lazaret::actors::run> triage_all(const json::array& samples) {
  triage stage;
  stage.options.wall = std::chrono::seconds{40};
  stage.options.cpu = std::chrono::seconds{4};
  std::vector<lazaret::actors::run> runs(samples.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < samples.size(); i = next++) {
      const json::object& sample = samples[i].as_object();
      auto what = asking(std::string{sample.at("name").as_string()}, std::string{sample.at("version").as_string()},
                         *parse<mode>(sample.at("mode").as_string()));
      if (sample.at("entrypoint").is_string()) what.asked.entrypoint = std::string{sample.at("entrypoint").as_string()};
      const auto folder = stage.folder() / what.asked.package_name;
      what.execution = stage.run(what, folder);
      what.analysis = lazaret::analysis::analyse(what, folder);
      std::filesystem::remove_all(folder);
      runs[i] = std::move(what);
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) workers.emplace_back(work);
  }
  // Whatever they did: the jailer is there and does the next one.
  CHECK(stage.run("six", "1.16.0").phases.at(0).ok);
  CHECK(lazaret::sandbox::testing::eventually([&] { return stage.jailer().children().empty(); }));
  std::map<std::string, lazaret::actors::run> all;
  for (auto& what : runs) all.emplace(what.asked.package_name, std::move(what));
  return all;
}

void check_rules(const json::object& sample, const lazaret::actors::run& what) {
  std::set<std::string> found;
  for (const finding& f : what.analysis->findings) found.insert(f.rule);
  for (const json::value& rule : sample.at("rules").as_array()) {
    INFO(rule.as_string());
    CHECK(found.contains(std::string{rule.as_string()}));
  }
  CHECK(name(what.analysis->verdict) == std::string_view{sample.at("verdict").as_string()});
}

}  // namespace

TEST_CASE("each sample package is found as what it is, and no archive stops the jailer") {
  static const json::array samples = manifest();
  static const auto runs = triage_all(samples);
  for (const json::value& each : samples) {
    const json::object& sample = each.as_object();
    const std::string package{sample.at("name").as_string()};
    DYNAMIC_SECTION(package) {
      const auto& what = runs.at(package);
      INFO(what.execution->error << describe(what));
      REQUIRE(what.execution->error.empty());
      if (const auto* const ok = sample.at("ok").if_bool()) CHECK(what.execution->phases.back().ok == *ok);
      // What can be seen in an archive or on an index without running anything is for download to see.
      if (sample.at("verdict").is_null()) continue;
      if (std::ranges::none_of(sample.at("rules").as_array(),
                               [](const auto& r) { return is_told_by_download(r.as_string()); })) {
        check_rules(sample, what);
      }
    }
  }
}
