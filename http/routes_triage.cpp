#include "actors/service.hpp"
#include "http/json_body.hpp"
#include "http/refusal.hpp"
#include "http/routes.hpp"
#include "http/validate.hpp"

namespace lazaret::http {
void submit_triage(const site& s, const request& r, respond answer) {
  auto refuse_body = [&](std::string_view detail) {
    s.metrics.submission("triage", "invalid");
    answer(failed(422, detail));
  };
  if (!is_json(r.content_type)) return refuse_body("body: must be JSON (Content-Type: application/json)");
  auto read = read_submission(r.body);
  if (auto wrong = std::get_if<complaint>(&read)) return refuse_body(wrong->detail);
  auto& submitted = std::get<actors::submission>(read);
  submitted.frontend = "triage";
  submitted.client = r.client;
  s.pipeline.submit(std::move(submitted), [&s, answer = std::move(answer)](actors::answer<std::string> given) {
    if (auto refusal = std::get_if<actors::refusal>(&given)) {
      s.metrics.submission("triage", row(refusal->why).outcome);
      return answer(refused(s, *refusal));
    }
    s.metrics.submission("triage", "accepted");
    answer({.status = 202, .body = "{\"run_id\":\"" + std::get<std::string>(given) + "\",\"status\":\"accepted\"}"});
  });
}

}  // namespace lazaret::http
