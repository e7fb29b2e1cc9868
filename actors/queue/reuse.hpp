#pragma once
/// When an earlier run's verdict stands for another run of the same release. Pure.

#include <chrono>
#include <string>

#include "actors/store.hpp"

namespace lazaret::actors {

struct reuse_rules {
  std::chrono::seconds keep{0};  ///< VERDICT_TTL; 0: every run is examined
  /// Of the table of rules and of whatever else of this service a verdict depends on: what was judged by others does
  /// not stand.
  std::string rules_version;
};

/// The note under which that verdict is: a digest of the rules' version, of the release as it was downloaded (the
/// artefact's own digest, and what the index said of it) and of how it was asked to be examined. `r` was downloaded.
[[nodiscard]] std::string reuse_key(const run& r, const reuse_rules& rules);

/// It was examined itself, with success, and there is a verdict on the release: `inconclusive` says that there is none.
[[nodiscard]] bool is_reusable(const run& r) noexcept;

/// `downloaded`, with what the earlier run found, on the way to its report.
[[nodiscard]] step reusing(step downloaded, const run& earlier);

}  // namespace lazaret::actors
