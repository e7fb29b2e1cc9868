#pragma once
/// The analysis stage's work as the pipeline calls it.

#include "actors/work.hpp"

namespace lazaret::actors {

[[nodiscard]] work_function analysis_work(run_places places);

}  // namespace lazaret::actors
