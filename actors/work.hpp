#pragma once
/// What a stage does, as a function of one run: the border between the pipeline and the stages' own code. No CAF.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>

#include "actors/run.hpp"

namespace lazaret::actors {

/// One stage's claim on one run. A later attempt makes the earlier one's results void (fencing).
struct ticket {
  std::string run_id;
  work_stage stage = work_stage::download;
  int attempt = 0;
  friend bool operator==(const ticket&, const ticket&) = default;
};

/// The folder, in the run's, for the files of this attempt alone: one that was given up and goes on all the same (on a
/// node that was stopped for longer than its lease) overwrites nothing. Only what is named in the run's document
/// counts.
[[nodiscard]] inline std::string attempt_folder(const ticket& t) {
  return std::string{name(t.stage)} + "." + std::to_string(t.attempt);
}

/// BLOB_DIR (or the former place) of such a folder's whole path: PLACE/runs/ID/attempt.
[[nodiscard]] inline std::filesystem::path place_of(const std::filesystem::path& attempt) {
  return attempt.parent_path().parent_path().parent_path();
}

/// `what` holds the results of the stages before this one.
struct job {
  actors::ticket ticket;
  std::shared_ptr<const run> what;
  std::stop_token stop;
};

/// The report is on disk, in that folder of the run's.
struct report_rendered {
  std::string folder;
};

/// The stage could not do its work.
struct stage_failure {
  std::string error;   ///< one line for people
  bool retry = false;  ///< the fault is not the run's (the jailer was lost, ...): try again later
};

using stage_result = std::variant<download_result, execution_result, analysis_result, report_rendered, stage_failure>;

/// Does one stage's work on one run; called on a worker's own thread. A stop request (cancel, shutdown) should end it
/// soon; its result is then void. An exception kills the worker: that is for the unforeseen, not for errors.
using work_function = std::function<stage_result(const job&)>;

/// One attempt to deliver a report.
struct delivery_attempt {
  enum class verdict : std::uint8_t { delivered, retry, give_up } what = verdict::delivered;
  std::string error;
  std::chrono::milliseconds retry_after{0};  ///< what the receiver asked for; 0: nothing
};

/// Blocking; called on the courier's own thread. The run has ended.
using delivery_function = std::function<delivery_attempt(const run&)>;

}  // namespace lazaret::actors
