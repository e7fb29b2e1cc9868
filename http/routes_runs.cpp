#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"
#include "http/refusal.hpp"
#include "http/routes.hpp"
#include "http/validate.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

response no_such_run() { return failed(404, "no such run"); }

/// A report holds what a package printed and wrote. The browser must take it for nothing but itself: no script, no
/// request to elsewhere, no frame, and an origin of its own (`sandbox`).
constexpr std::string_view report_policy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox";

response report(const site& s, const request& r, std::string_view file, std::string_view content_type) {
  if (!is_run_id(r.argument)) return no_such_run();
  const std::string id{r.argument};
  auto path = s.pipeline.report_file(id, file);
  if (!path) return s.pipeline.find(id) ? failed(404, "this run has no report yet") : no_such_run();
  response found{.content_type = content_type};
  found.headers.emplace_back("Content-Security-Policy", report_policy);
  found.headers.emplace_back("Referrer-Policy", "no-referrer");
  found.headers.emplace_back("Content-Disposition", "inline; filename=\"" + id + "." + std::string{file} + "\"");
  found.file = std::move(path);
  return found;
}

}  // namespace

response list_runs(const site& s, const request& r) {
  auto read = read_run_filter(r.query);
  if (auto wrong = std::get_if<complaint>(&read)) return failed(422, wrong->detail);
  auto page = s.pipeline.list(std::get<actors::run_filter>(read));
  if (!page) return failed(422, "cursor: not one that a list gave");
  json::array runs;
  runs.reserve(page->runs.size());
  for (const auto& run : page->runs) runs.push_back(actors::to_json(run));
  json::value next = nullptr;
  if (!page->next_cursor.empty()) next = json::string{page->next_cursor};
  return {.body = json::serialize(json::object{{"runs", std::move(runs)}, {"next_cursor", std::move(next)}})};
}

response show_run(const site& s, const request& r) {
  if (!is_run_id(r.argument)) return no_such_run();
  auto run = s.pipeline.find(std::string{r.argument});
  if (!run) return no_such_run();
  auto shown = actors::to_json(*run).as_object();
  const auto place = run->finished_at ? std::nullopt : s.pipeline.standing_of(*run);
  shown["position"] = place ? json::value(place->position) : json::value(nullptr);
  shown["estimate_sec"] = place && place->estimate_sec ? json::value(*place->estimate_sec) : json::value(nullptr);
  return response{.body = json::serialize(shown)};
}

void cancel_run(const site& s, const request& r, respond answer) {
  if (!is_run_id(r.argument)) return answer(no_such_run());
  s.pipeline.cancel(std::string{r.argument}, [&s, answer = std::move(answer)](actors::answer<actors::run> given) {
    if (auto refusal = std::get_if<actors::refusal>(&given)) return answer(refused(s, *refusal));
    answer({.body = json::serialize(actors::to_json(std::get<actors::run>(given)))});
  });
}

response report_json(const site& s, const request& r) { return report(s, r, "report.json", "application/json"); }
response report_html(const site& s, const request& r) {
  return report(s, r, "report.html", "text/html; charset=utf-8");
}

}  // namespace lazaret::http
