#pragma once
/// Takes what comes out of one phase's jail into files of the run's folder, under caps, and keeps what the phase's
/// summary needs. Everything that it is given is hostile. Single-threaded.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "actors/execution/coverage.hpp"
#include "actors/run.hpp"
#include "sandbox/jailer.hpp"

namespace lazaret::actors {

/// Called for what is worth showing while the run goes on: one JSON object without a line break,
/// `{"phase":str,"seen_by":"observer"|"hook","observation":{...}}`. At most 200 a phase.
using live_events = std::function<void(std::string json)>;

class recorder {
 public:
  /// Of audit events, and of observations: what comes beyond is drained and dropped (compat/triage.md: 50 MB a stage).
  static constexpr std::uint64_t most_bytes = 50'000'000;

  /// Makes `NAME.stdout`, `NAME.stderr`, `NAME.audit.jsonl`, `NAME.observations.jsonl` in `folder`.
  recorder(std::string phase_name, const std::filesystem::path& folder, live_events live);

  [[nodiscard]] sandbox::jail_sinks sinks();  ///< valid as long as this object
  /// Puts the files' names, the counts, `uncovered` and `watched` into `p`. False when the disk did not take it all.
  [[nodiscard]] bool finish(phase& p);

  [[nodiscard]] const std::string& stdout_tail() const noexcept { return stdout_tail_; }
  [[nodiscard]] const std::string& stderr_tail() const noexcept { return stderr_tail_; }

 private:
  void audit(std::string_view datagram);
  void observation(std::string_view line);
  void show(std::string_view seen_by, std::string_view line);

  std::string name_;
  live_events live_;
  std::ofstream stdout_, stderr_, audit_, observations_;
  std::string stdout_tail_, stderr_tail_;
  std::uint64_t audit_bytes_ = 0, audit_events_ = 0, observation_bytes_ = 0, shown_ = 0;
  bool ready_ = false;  ///< the driver has begun with the package; what came before was its own doing
  bool audit_truncated_ = false, saw_end_ = false, lost_ = false;
  coverage coverage_;
};

}  // namespace lazaret::actors
