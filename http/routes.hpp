#pragma once
/// The handlers, one file per group; router.hpp says what each kind may do. The table that names them is api.cpp.

#include "http/message.hpp"
#include "http/site.hpp"

namespace lazaret::http {

// routes_triage.cpp
void submit_triage(const site& s, const request& r, respond answer);

// routes_runs.cpp
response list_runs(const site& s, const request& r);
response show_run(const site& s, const request& r);
void cancel_run(const site& s, const request& r, respond answer);
response report_json(const site& s, const request& r);
response report_html(const site& s, const request& r);

// sse.cpp
response follow_run(const site& s, const request& r);

// execute/routes.cpp
void execute(const site& s, const request& r, respond answer);

// routes_stages.cpp
void list_stages(const site& s, const request& r, respond answer);
void change_stage(const site& s, const request& r, respond answer);

// routes_health.cpp
response health(const site& s, const request& r);

// routes_ops.cpp
response healthz(const site& s, const request& r);
response readyz(const site& s, const request& r);
response metrics_text(const site& s, const request& r);
response openapi_json(const site& s, const request& r);
response front_page(const site& s, const request& r);

/// What /openapi.json answers, generated from the table.
[[nodiscard]] std::string openapi(std::span<const route> table);

}  // namespace lazaret::http
