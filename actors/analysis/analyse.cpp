#include "actors/analysis/analyse.hpp"

#include <algorithm>
#include <fstream>

#include "actors/analysis/event_lines.hpp"
#include "actors/analysis/findings.hpp"
#include "actors/analysis/highlights.hpp"
#include "actors/analysis/trail.hpp"
#include "actors/analysis/verdict.hpp"

namespace lazaret::analysis {
namespace {

using actors::phase;
using actors::run;

constexpr std::size_t most_uncovered = 50;

/// PEP 503: runs of `-`, `_`, `.` are one `-`, in lower case.
std::string normalised(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '-' && c != '_' && c != '.')
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    else if (out.empty() || out.back() != '-')
      out += '-';
  }
  return out;
}

class examination {
 public:
  examination(const run& what, const std::filesystem::path& folder) : run_{what}, folder_{folder} {}

  actors::analysis_result conclude() {
    if (run_.download) weigh_release(*run_.download);
    if (run_.execution) weigh_execution(*run_.execution);
    if (!run_.execution || run_.execution->phases.empty()) lose_sight("no phase ran");
    return result();
  }

 private:
  void lose_sight(std::string because) { blind_.push_back(std::move(because)); }

  void weigh_notes(const std::vector<actors::note>& notes) {
    for (const auto& n : notes) {
      const bool listed = find_rule(n.rule) != nullptr;
      found_.state(act::noted, listed ? n.rule : std::string{ids::unlisted_note}, before,
                   listed ? n.evidence : n.rule + ": " + n.evidence);
    }
  }

  void weigh_release(const actors::download_result& r) {
    weigh_notes(r.notes);
    const auto noted = [&](std::string_view id) {
      return std::any_of(r.notes.begin(), r.notes.end(), [&](const auto& n) { return n.rule == id; });
    };
    const auto& a = r.artefact;
    if (!a.filename.empty() && !a.digest_from_index && !noted(ids::digest_missing))
      found_.state(act::noted, std::string{ids::digest_missing}, before, a.filename);
    if (a.yanked && !noted(ids::yanked_release))
      found_.state(act::noted, std::string{ids::yanked_release}, before, a.filename);
    const auto wanted = normalised(run_.asked.package_name), told = normalised(r.listing.metadata_name);
    for (const auto& file : r.listing.pth_files)
      if (wanted != "setuptools" || !file.ends_with("distutils-precedence.pth"))
        found_.state(act::carries, file, before, a.filename + " holds " + file);
    if (!told.empty() && told != wanted && !noted(ids::metadata_mismatch))
      found_.state(act::noted, std::string{ids::metadata_mismatch}, before, "asked for " + wanted + ", got " + told);
    if (!r.error.empty())
      lose_sight("download: " + r.error);
    else if (!r.unpackable)
      lose_sight("the archive could not be unpacked");
  }

  void weigh_execution(const actors::execution_result& r) {
    weigh_notes(r.notes);
    if (!r.error.empty()) lose_sight("execution: " + r.error);
    for (const auto& p : r.phases) weigh_phase(p);
  }

  void weigh_phase(const phase& p) {
    const auto where = phase_of(p.name);
    if (!p.watched) lose_sight("the witnesses of " + p.name + " were lost");
    if (where == in_install && !p.ok) lose_sight(p.summary.empty() ? "the install failed" : p.summary);
    if (p.name == "import" && !p.ok) lose_sight(p.summary.empty() ? "the import failed" : p.summary);
    weigh_ending(p, where);
    if (const auto file = log_of(p.audit_file); !file.empty()) hear_hook(file, p, where);
    if (const auto file = log_of(p.observations_file); !file.empty()) hear_observer(file, p, where);
    if (p.audit_truncated)
      found_.state(act::channel, "truncated", where,
                   p.name + ": more than " + std::to_string(p.audit_events) + " events");
    for (const auto& line : p.uncovered)
      if (uncovered_.size() < most_uncovered &&
          std::find(uncovered_.begin(), uncovered_.end(), line) == uncovered_.end())
        uncovered_.push_back(one_line(line));
    for (const auto& line : p.uncovered) found_.state(act::ended, "uncovered", where, p.name + ": " + line);
  }

  void weigh_ending(const phase& p, phases where) {
    using sandbox::ending;
    const auto& o = p.outcome;
    const auto fact = [&](std::string_view word, const std::string& more = {}) {
      found_.state(act::ended, std::string{word}, where, p.name + ": " + (more.empty() ? sandbox::describe(o) : more));
    };
    if (o.reason == ending::cpu_timeout)
      fact("cpu_timeout");
    else if (p.timed_out || o.reason == ending::wall_timeout)
      fact("timed_out");
    if (o.reason == ending::out_of_memory || o.memory_killed)
      fact("out_of_memory", "the kernel ended a process for its memory");
    if (o.pids_exhausted)
      fact("pids_exhausted", "at most " + std::to_string(o.peak_pids) + " processes at a time; a fork was refused");
    if (o.reason == ending::syscall_denied) fact("syscall_denied");
    if (o.reason == ending::signalled) fact("signalled");
    if (p.output_truncated || o.reason == ending::output_limit)
      fact("output_flood",
           "stdout " + std::to_string(p.stdout_bytes) + " B, stderr " + std::to_string(p.stderr_bytes) + " B");
    if (says_disk_full(p.stderr_file) || says_disk_full(p.stdout_file)) fact("disk_full", "No space left on device");
    if (o.reason == ending::canceled) lose_sight(p.name + " was canceled");
  }

  /// The run's own words name its files, but a store could have been tampered with: nothing outside the folder is read.
  [[nodiscard]] std::filesystem::path log_of(const std::string& relative) const {
    const std::filesystem::path file{relative};
    if (relative.empty() || file.is_absolute() || std::find(file.begin(), file.end(), "..") != file.end()) return {};
    return folder_ / file;
  }

  [[nodiscard]] bool says_disk_full(const std::string& relative) const {
    const auto file = log_of(relative);
    if (file.empty()) return false;
    std::ifstream in{file, std::ios::binary};
    std::string text(1 << 20, '\0');  // what is kept of a stream (compat/triage)
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    const std::string_view read{text.data(), static_cast<std::size_t>(in.gcount())};
    return read.find("No space left on device") != read.npos || read.find("Disk quota exceeded") != read.npos;
  }

  void hear_hook(const std::filesystem::path& file, const phase& p, phases where) {
    trail steps;
    const auto totals = read_audit(file, [&](const audit_line& line) {
      highlights_.count(line);
      steps.note_event(line);
      for (const auto& d : deeds_of(line)) {
        weigh(d, where, p.name);
        for (const auto& conclusion : steps.follow(d)) weigh(conclusion, where, p.name);
      }
    });
    if (!totals) return lose_sight(totals.error().describe());
    // The last line of a log that was cut at its limit is cut too.
    if (totals->malformed > (p.audit_truncated ? 1U : 0U))
      found_.state(
          act::channel, "malformed", where,
          p.name + ": " + std::to_string(totals->malformed) + " of " + std::to_string(totals->lines) + " lines");
  }

  void hear_observer(const std::filesystem::path& file, const phase& p, phases where) {
    bool ended = false;
    std::uint64_t dropped = 0;
    const auto totals = read_observations(file, [&](const observed_line& line) {
      if (line.event == "end") ended = true, dropped += line.dropped;
      for (const auto& d : deeds_of(line)) weigh(d, where, p.name);
    });
    if (!totals) return lose_sight(totals.error().describe());
    if (!ended) lose_sight("the observer's log of " + p.name + " has no end");
    if (dropped += totals->malformed; dropped > 0)
      found_.state(act::channel, "overrun", where, p.name + ": " + std::to_string(dropped) + " calls were not noted");
  }

  void weigh(const deed& d, phases where, std::string_view name) {
    highlights_.take(d);
    found_.take(d, where, name);
  }

  actors::analysis_result result() {
    const auto held = found_.held();
    actors::analysis_result out;
    out.score = score_of(held);
    out.verdict = verdict_of(out.score, blind_.empty());
    for (const auto& h : held) {
      auto title = std::string{h.what->title};
      if (!h.confirmed) title += " (told by the hook only)";
      out.findings.push_back({std::string{h.what->id}, h.what->severity, std::move(title), h.evidence});
    }
    out.highlights = highlights_.list();
    out.uncovered = uncovered_;
    out.summary = summary(out);
    return out;
  }

  /// `malicious (score 92): Looked for credentials; install ok; run ok; stdout=1B stderr=0B`
  [[nodiscard]] std::string summary(const actors::analysis_result& r) const {
    std::string out = std::string{name(r.verdict)} + " (score " + std::to_string(r.score) + ")";
    std::string separator = ": ";
    const auto add = [&](std::string_view text) { (out += std::exchange(separator, "; ")) += one_line(text); };
    if (!r.findings.empty() && r.verdict != actors::verdict::benign) add(r.findings.front().title);
    if (r.verdict == actors::verdict::inconclusive) add(blind_.front());
    if (run_.execution)
      for (const auto& p : run_.execution->phases)
        if (!p.summary.empty() && out.find(p.summary) == out.npos) add(p.summary);
    return one_line(out, 1000);
  }

  const run& run_;
  const std::filesystem::path& folder_;
  findings found_;
  highlighter highlights_;
  std::vector<std::string> uncovered_;
  std::vector<std::string> blind_;  ///< why the run can't be called benign
};

}  // namespace

actors::analysis_result analyse(const run& what, const std::filesystem::path& run_folder) {
  return examination{what, run_folder}.conclude();
}

}  // namespace lazaret::analysis
