#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "http/execute/answer.hpp"
#include "http/execute/body.hpp"
#include "http/execute/executions.hpp"
#include "http/idempotency_key.hpp"
#include "http/json_body.hpp"
#include "http/refusal.hpp"
#include "http/routes.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

constexpr std::size_t large = 256 << 10;

/// Without a header the body is not looked at again.
checked<std::optional<durable::idempotency>> read_key(const request& r, const json::object& body) {
  if (r.idempotency_keys == 0) return std::optional<durable::idempotency>{};
  const auto canonical = canonical_json(body);
  const std::string_view pieces[]{canonical};
  return read_idempotency_key(r, pieces);
}

response render(const actors::execution_answer& done) { return {.body = json::serialize(describe_execution(done))}; }

void run_now(const site& s, const request& r, actors::execution_request read, respond answer) {
  auto what = std::make_shared<const actors::execution_request>(std::move(read));
  auto paths = own_paths(*what);
  s.pipeline.execute(std::move(what), claimant_of(r), r.left,
                     [&s, answer = std::move(answer),
                      paths = std::move(paths)](actors::answer<std::shared_ptr<actors::execution_answer>> given) {
                       if (const auto* why = std::get_if<actors::refusal>(&given)) {
                         s.metrics.submission("execute", row(why->why).outcome);
                         return answer(refused(s, *why));
                       }
                       const auto done = std::get<0>(given);
                       const bool ran = has_run(*done);
                       s.metrics.submission("execute", ran ? "accepted" : "invalid");
                       if (!ran) {
                         const auto [status, detail] = describe_refusal(*done, paths);
                         return answer(failed(status, detail));
                       }
                       std::size_t size = done->out.size() + done->err.size();
                       for (const auto& file : done->left.files) size += file.content.size();
                       if (size <= large) return answer(render(*done));
                       s.aside([answer, done] { answer(render(*done)); });
                     });
}

}  // namespace

void execute(const site& s, const request& r, respond answer) {
  const auto refuse = [&](const complaint& wrong) {
    s.metrics.submission("execute", "invalid");
    answer(failed(wrong.status, wrong.detail));
  };
  if (!is_json(r.content_type)) return refuse({"body: must be JSON (Content-Type: application/json)"});
  auto body = read_json_object(r.body);
  if (const auto* wrong = std::get_if<complaint>(&body)) return refuse(*wrong);
  auto when = take_manner(std::get<json::object>(body), r.prefer);
  if (const auto* wrong = std::get_if<complaint>(&when)) return refuse(*wrong);
  auto read = read_execution(std::get<json::object>(body), s.settings, s.runtimes);
  if (const auto* wrong = std::get_if<complaint>(&read)) return refuse(*wrong);
  auto key = read_key(r, std::get<json::object>(body));
  if (const auto* wrong = std::get_if<complaint>(&key)) return refuse(*wrong);
  const auto& manner = std::get<execution_manner>(when);
  auto& known = std::get<std::optional<durable::idempotency>>(key);
  if (manner.later) return accept_execution(s, r, manner, std::move(known), std::move(answer));
  // What is to be found again has to be kept, and to be run once although its client or the service goes away.
  if (known) return accept_and_wait(s, r, std::move(*known), std::move(answer));
  run_now(s, r, std::move(std::get<actors::execution_request>(read)), std::move(answer));
}

}  // namespace lazaret::http
