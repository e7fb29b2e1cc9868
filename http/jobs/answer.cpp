#include "http/jobs/answer.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <sstream>

#include "actors/run.hpp"

namespace lazaret::http::jobs {
namespace {

namespace json = boost::json;

json::value time_or_null(const std::optional<batch::job::time>& t) {
  return t ? json::value(actors::iso8601(*t)) : json::value(nullptr);
}

constexpr std::string_view text = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Lazaret: jobs</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}
label{display:block;margin:.8rem 0}textarea{width:100%;font:14px/1.4 monospace}</style></head><body>
<h1>Run a job</h1>
<p>Python code with its input files runs in a jail; what it prints and writes comes back.</p>
<form action="/run" method="post" enctype="multipart/form-data">
<label>spec <textarea name="spec" rows="4">{"entry": "main.py", "timeout_sec": 60}</textarea></label>
<label>code files <input type="file" name="code_files" multiple></label>
<label>input files <input type="file" name="input_files" multiple></label>
<button>Run</button></form>
<p><code>POST /run</code>, <code>POST /jobs</code>, <code>POST /jobs/sync</code>, <code>GET /jobs/{id}</code>,
<code>/logs</code>, <code>/logs/stream</code>, <code>/artifacts/{filename}</code>, <code>DELETE /jobs/{id}</code></p>
</body></html>
)html";

}  // namespace

response fail(unsigned status, std::string_view detail) {
  if (status == 404) return failed(404, "Not Found");
  if (status == 405) return failed(405, "Method Not Allowed");
  return failed(status, detail);
}

json::array artifact_names(const batch::job& job) {
  json::array names;
  for (const auto& file : job.artifacts) names.emplace_back(file.name);
  return names;
}

json::object to_json(const batch::job& job) {
  boost::system::error_code bad;
  auto spec = json::parse(job.spec, bad);
  return {{"id", job.id},
          {"spec", bad ? json::value(nullptr) : std::move(spec)},
          {"status", name(job.status)},
          {"created_at", actors::iso8601(job.created_at)},
          {"started_at", time_or_null(job.started_at)},
          {"finished_at", time_or_null(job.finished_at)},
          {"exit_code", job.exit_code ? json::value(*job.exit_code) : json::value(nullptr)},
          {"error", job.error.empty() ? json::value(nullptr) : json::value(job.error)},
          {"artifacts", artifact_names(job)}};
}

std::string read_log(const site& s, const batch::job& job) {
  std::ifstream file{s.pipeline.jobs().log_of(job), std::ios::binary};
  std::ostringstream all;
  if (file) all << file.rdbuf();
  return std::move(all).str();
}

response page() {
  response shown{.content_type = "text/html; charset=utf-8", .body = std::string{text}};
  shown.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'");
  return shown;
}

}  // namespace lazaret::http::jobs
