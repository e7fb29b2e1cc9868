#pragma once
/// The download stage's whole work as one function.

#include <stop_token>

#include "actors/download/budget.hpp"
#include "actors/download/error.hpp"
#include "actors/download/registry.hpp"
#include "actors/run.hpp"

namespace lazaret::download {

/// Resolves NAME==VERSION, fetches and verifies its file into the cache, and lists it. Blocks; thread-safe; ends soon
/// after a stop request. The file lies at registry.cache().find(result.artefact.sha256) from then on (until the cache
/// is full and drops it: whoever needs it later fetches it again by URL and digest).
///
/// An archive that breaks a rule is a result with `unpackable == false`, its notes and `error`: evidence, not a
/// failure. Errors: `package not found in the index: NAME`, `version not found: NAME==VERSION (newest: X)`, ...
[[nodiscard]] result<actors::download_result> download_release(const actors::submission& asked, registry& from,
                                                               download_budget& budget, std::stop_token stop);

}  // namespace lazaret::download
