#pragma once
/// The download stage's work as the pipeline calls it.

#include <cstdint>

#include "actors/download/registry.hpp"
#include "actors/work.hpp"

namespace lazaret::actors {

/// `from` must outlive the function. `max_bytes`: MAX_DOWNLOAD_BYTES of a run.
[[nodiscard]] work_function download_work(download::registry& from, std::uint64_t max_bytes);

}  // namespace lazaret::actors
