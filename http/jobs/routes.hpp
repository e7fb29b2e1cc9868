#pragma once
/// The front end `jobs` (compat/jobs.md). Nothing of it is known elsewhere but these names.

#include <span>

#include "http/jobs/answer.hpp"
#include "http/router.hpp"
#include "http/site.hpp"

namespace lazaret::http::jobs {

void submit(const site& s, const request& r, respond answer);
void submit_and_wait(const site& s, const request& r, respond answer);
void run(const site& s, const request& r, respond answer);
void cancel(const site& s, const request& r, respond answer);
response show(const site& s, const request& r);
response logs(const site& s, const request& r);
response stream_logs(const site& s, const request& r);
response artifact(const site& s, const request& r);

/// The routes of a listener of its own.
[[nodiscard]] std::span<const route> own_port() noexcept;

}  // namespace lazaret::http::jobs
