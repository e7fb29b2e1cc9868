#pragma once
/// The analysis stage as one function: what was downloaded and what was seen, turned into findings and a verdict.

#include <filesystem>

#include "actors/run.hpp"

namespace lazaret::analysis {

/// Reads the logs that `what.execution` names in `run_folder`, streaming; memory is bounded whatever the logs hold.
/// Never fails: what can't be read makes the run unwatched, which the verdict and the summary say. Blocks on the disk
/// for about a second for 50 MB of events; call from a worker. Any thread.
[[nodiscard]] actors::analysis_result analyse(const actors::run& what, const std::filesystem::path& run_folder);

}  // namespace lazaret::analysis
