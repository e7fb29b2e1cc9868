#pragma once
/// The analysis stage's work as the pipeline calls it.

#include <filesystem>

#include "actors/work.hpp"

namespace lazaret::actors {

[[nodiscard]] work_function analysis_work(std::filesystem::path data_dir);

}  // namespace lazaret::actors
