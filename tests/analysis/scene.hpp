#pragma once
/// A run's folder with one phase whose logs the test writes.

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>

#include "actors/analysis/analyse.hpp"
#include "actors/json.hpp"
#include "tests/support/temporary_folder.hpp"

namespace scene {

using namespace lazaret;

using folder = lazaret::testing::temporary_folder;

inline std::string audit(std::string_view event, std::string_view args,
                         std::string_view file = "/work/site/x/__init__.py", int pid = 10) {
  return boost::json::serialize(boost::json::value{{"timestamp", "2026-01-01T00:00:00Z"},
                                                   {"pid", pid},
                                                   {"event", event},
                                                   {"args", args},
                                                   {"caller", {{"function", "f"}, {"file", file}, {"line", 3}}}}) +
         "\n";
}

inline constexpr std::string_view end_line = "{\"event\":\"end\",\"seen\":1,\"dropped\":0}\n";

inline actors::run watched_run(std::string phase) {
  actors::run r;
  r.asked.package_name = "x", r.asked.version = "1";
  r.execution.emplace();
  actors::phase p;
  p.name = std::move(phase), p.ok = true, p.summary = "install ok";
  p.audit_file = "audit.jsonl", p.observations_file = "seen.jsonl";
  r.execution->phases.push_back(std::move(p));
  return r;
}

/// Analyses one phase with these lines of the hook and of the observer.
inline actors::analysis_result judge(std::string phase, const std::string& hook, const std::string& observer = {}) {
  const folder place;
  place.write("audit.jsonl", hook);
  place.write("seen.jsonl", observer + std::string{end_line});
  return analysis::analyse(watched_run(std::move(phase)), place.path());
}

inline const actors::finding* find(const actors::analysis_result& r, std::string_view rule) {
  const auto it = std::find_if(r.findings.begin(), r.findings.end(), [&](const auto& f) { return f.rule == rule; });
  return it == r.findings.end() ? nullptr : &*it;
}

}  // namespace scene
