#pragma once
/// The report stage's work as the pipeline calls it, and the delivery of what it made.

#include <string>

#include "actors/work.hpp"

namespace lazaret::actors {

/// Renders report.json and report.html into a folder of the attempt's own (work.hpp).
[[nodiscard]] work_function report_work(run_places places);

/// Posts a finished run's report to a Discord webhook (compat/triage).
[[nodiscard]] delivery_function discord_delivery(std::string url, run_places places);

}  // namespace lazaret::actors
