#include <array>
#include <boost/json/object.hpp>

#include "actors/service.hpp"
#include "http/idempotency_key.hpp"
#include "http/json_body.hpp"
#include "http/refusal.hpp"
#include "http/routes.hpp"
#include "http/validate.hpp"

namespace lazaret::http {

namespace json = boost::json;

void submit_triage(const site& s, const request& r, respond answer) {
  auto refuse_body = [&](std::string_view detail) {
    s.metrics.submission("triage", "invalid");
    answer(failed(422, detail));
  };
  if (!is_json(r.content_type)) return refuse_body("body: must be JSON (Content-Type: application/json)");
  auto read = read_submission(r.body);
  if (auto wrong = std::get_if<complaint>(&read)) return refuse_body(wrong->detail);
  auto& submitted = std::get<actors::submission>(read);
  // The same request with its fields in another order is the same request.
  const std::string canonical =
      r.idempotency_keys > 0 ? canonical_json(std::get<json::object>(read_json_object(r.body))) : std::string{};
  const std::array<std::string_view, 1> asked{canonical};
  auto key = read_idempotency_key(r, asked);
  if (auto wrong = std::get_if<complaint>(&key)) {
    s.metrics.submission("triage", "invalid");
    return answer(failed(static_cast<unsigned>(wrong->status), wrong->detail));
  }
  submitted.frontend = "triage";
  submitted.client = r.client;
  auto& given_key = std::get<std::optional<durable::idempotency>>(key);
  s.pipeline.submit(std::move(submitted), std::move(given_key),
                    [&s, answer = std::move(answer)](actors::answer<actors::submitted_run> given) {
                      if (auto refusal = std::get_if<actors::refusal>(&given)) {
                        s.metrics.submission("triage", row(refusal->why).outcome);
                        return answer(refused(s, *refusal));
                      }
                      s.metrics.submission("triage", "accepted");
                      const auto& run = std::get<actors::submitted_run>(given);
                      response accepted{.status = 202,
                                        .body = "{\"run_id\":\"" + run.run_id + "\",\"status\":\"accepted\"}"};
                      if (run.repeated) accepted.headers.emplace_back("Idempotent-Replayed", "true");
                      answer(std::move(accepted));
                    });
}

}  // namespace lazaret::http
