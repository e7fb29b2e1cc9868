#pragma once
/// Runs to report on: an ordinary one, and one in which every text is an attack.

#include <filesystem>
#include <fstream>
#include <string>

#include "actors/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace sample {

using namespace lazaret;
using folder = lazaret::testing::temporary_folder;

/// Every text field of the run is `text`.
inline actors::run run_of(const std::string& text, std::size_t items = 3) {
  const std::vector<std::string> list(items, text);
  actors::run r;
  r.run_id = "0c7a5f0e-0000-4000-8000-000000000001";
  r.asked.package_name = r.asked.version = r.asked.ecosystem = text;
  r.asked.file_path = r.asked.entrypoint = r.asked.module_name = text;
  r.status = actors::status::completed;
  r.created_at = std::chrono::system_clock::time_point{std::chrono::seconds{1'800'000'000}};
  r.started_at = r.finished_at = r.created_at;
  r.stages = {{actors::work_stage::download, text, r.created_at, r.created_at, 1}};
  auto& d = r.download.emplace();
  d.artefact = {text, text, text, true, 5, actors::artefact_kind::wheel, false, text};
  d.listing = {1, 2, list, {{text, text}}, list, text, text};
  d.notes = {{text, text}};
  d.error = text;
  auto& e = r.execution.emplace();
  actors::phase p;
  p.name = p.prefix = p.summary = p.outcome.syscall = text;
  p.stdout_file = "out", p.stderr_file = "err", p.audit_file = "audit", p.stdout_bytes = p.stderr_bytes = 10;
  p.uncovered = list;
  e.phases = {p, p};
  e.dependencies = {{text, text, 1, true}};
  e.notes = {{text, text}};
  e.error = text;
  auto& a = r.analysis.emplace();
  a.verdict = actors::verdict::malicious, a.score = 88;
  a.findings = {{text, actors::severity::critical, text, list}};
  a.highlights = {list, list, list, list, {{text, 3}}};
  a.uncovered = list;
  a.summary = r.error = text;
  return r;
}

inline actors::run ordinary_run() {
  auto r = run_of("plain");
  r.asked.package_name = "requests", r.asked.version = "2.28.1";
  r.error.clear(), r.execution->error.clear(), r.download->error.clear();
  for (auto& p : r.execution->phases) p.ok = true, p.name = "install", p.prefix = "install";
  r.analysis->verdict = actors::verdict::benign, r.analysis->score = 0, r.analysis->findings.clear();
  r.analysis->summary = "benign (score 0): install ok";
  return r;
}

}  // namespace sample
