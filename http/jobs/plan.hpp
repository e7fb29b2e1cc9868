#pragma once
/// From a job of this front end to the jail that it runs in (compat/jobs.md, "In the jail").

#include "actors/batch/run_job.hpp"

namespace lazaret::http::jobs {

/// A batch::planner.
[[nodiscard]] batch::plan make_plan(const batch::job& what, std::vector<std::string> contents);

}  // namespace lazaret::http::jobs
