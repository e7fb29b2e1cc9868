#pragma once
/// All phases' audit events in one gzipped file (RFC 1952), each line led by its stage, `install:` or `sandbox:`
/// (compat/triage.md): what the webhook attaches.

#include <filesystem>
#include <vector>

#include "actors/run.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::actors {

inline constexpr const char* merged_log_name = "audit.log.gz";

/// Reads each phase's audit file in `folder` and writes `folder/audit.log.gz`. Blocks; a second for 50 MB.
[[nodiscard]] sandbox::result<void> write_merged_log(const std::filesystem::path& folder,
                                                     const std::vector<phase>& phases);

}  // namespace lazaret::actors
