#pragma once
/// From a job of this front end to the jail that it runs in (compat/jobs.md, "In the jail").

#include "actors/batch/run_job.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http::jobs {

/// A batch::planner, but for the languages that are here.
[[nodiscard]] batch::plan make_plan(const batch::job& what, std::vector<std::string> contents,
                                    const sandbox::installed_runtimes& runtimes);

}  // namespace lazaret::http::jobs
