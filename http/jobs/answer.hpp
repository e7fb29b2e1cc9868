#pragma once
/// How this front end words its answers: as FastAPI does.

#include <boost/json/object.hpp>
#include <string>

#include "actors/batch/job.hpp"
#include "http/manners.hpp"
#include "http/site.hpp"

namespace lazaret::http::jobs {

/// `{"detail": "Not Found"}`, `{"detail": "Method Not Allowed"}`, else the detail itself.
[[nodiscard]] response fail(unsigned status, std::string_view detail);
inline constexpr manners fastapi{fail};

/// JOB of the contract.
[[nodiscard]] boost::json::object to_json(const batch::job& job);
[[nodiscard]] boost::json::array artifact_names(const batch::job& job);

/// The whole log so far, in memory.
[[nodiscard]] std::string read_log(const site& s, const batch::job& job);

/// A page for people.
[[nodiscard]] response page();

}  // namespace lazaret::http::jobs
