#pragma once
/// The report stage's work as the pipeline calls it, and the delivery of what it made.

#include <filesystem>
#include <string>

#include "actors/work.hpp"

namespace lazaret::actors {

/// Renders report.json and report.html into the run's folder.
[[nodiscard]] work_function report_work(std::filesystem::path data_dir);

/// Posts a finished run's report to a Discord webhook (compat/triage).
[[nodiscard]] delivery_function discord_delivery(std::string url, std::filesystem::path data_dir);

}  // namespace lazaret::actors
