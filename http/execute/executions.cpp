#include "http/execute/executions.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "actors/fault_point.hpp"
#include "actors/run.hpp"
#include "http/refusal.hpp"
#include "http/routes.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;
using found_job = std::shared_ptr<const batch::job>;

response no_such_execution() { return failed(404, "no such execution"); }

bool is_execution_id(std::string_view id) {
  return id.size() == 32 &&
         std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<batch::job> find(const site& s, const request& r) {
  if (!is_execution_id(r.argument)) return std::nullopt;
  auto job = s.pipeline.jobs().find(std::string{r.argument});
  return job && job->front == executions_front ? std::move(job) : std::nullopt;
}

json::value time_or_null(const std::optional<batch::job::time>& t) {
  return t ? json::value(actors::iso8601(*t)) : json::value(nullptr);
}

/// A program that ran is completed, however it ended: `outcome` says how.
std::string_view status_name(batch::status s) { return s == batch::status::succeeded ? "completed" : batch::name(s); }

/// What is known of every execution, then, as it lies on disk, the answer of one that ran.
response describe(const site& s, const batch::job& job) {
  const json::object known{{"execution_id", job.id},
                           {"status", status_name(job.status)},
                           {"created_at", actors::iso8601(job.created_at)},
                           {"started_at", time_or_null(job.started_at)},
                           {"finished_at", time_or_null(job.finished_at)},
                           {"attempts", job.attempt},
                           {"error", job.error.empty() ? json::value(nullptr) : json::value(job.error)}};
  response shown{.body = json::serialize(known)};
  if (job.artifacts.empty()) return shown;
  const auto& kept = job.artifacts.front();
  shown.body.back() = ',';  // the one object goes on as the other
  shown.file = s.pipeline.jobs().artifacts_of(job);
  shown.piece = {kept.offset + 1, kept.size - 1};
  return shown;
}

}  // namespace

void accept_execution(const site& s, const request& r, execution_manner manner, std::optional<durable::idempotency> key,
                      respond answer) {
  auto what = std::make_shared<batch::new_job>();
  what->front = executions_front;
  what->owner = r.client;
  what->spec = "{}";
  what->input = {{"body", "", r.body}};  // which stays where it is until `answer` was given
  what->key = std::move(key);
  // Writing and fsync are for a thread that nobody's events wait for.
  s.aside([&s, what, manner, answer = std::move(answer)] {
    s.pipeline.jobs().submit(std::move(*what), [&s, manner, answer](actors::answer<batch::submitted> given) {
      if (const auto* why = std::get_if<actors::refusal>(&given)) {
        s.metrics.submission("execute", row(why->why).outcome);
        return answer(refused(s, *why));
      }
      LAZARET_FAULT_POINT("execution.answer");
      const auto& [id, repeated] = std::get<batch::submitted>(given);
      s.metrics.submission("execute", "accepted");
      response accepted{.status = 202,
                        .body = json::serialize(json::object{{"execution_id", id}, {"status", "queued"}})};
      accepted.headers.emplace_back("Location", "/v1/executions/" + id);
      if (repeated) accepted.headers.emplace_back("Idempotent-Replayed", "true");
      if (manner.preferred) accepted.headers.emplace_back("Preference-Applied", "respond-async");
      answer(std::move(accepted));
    });
  });
}

response show_execution(const site& s, const request& r) {
  const auto job = find(s, r);
  return job ? describe(s, *job) : no_such_execution();
}

void cancel_execution(const site& s, const request& r, respond answer) {
  const auto job = find(s, r);
  if (!job) return answer(no_such_execution());
  s.pipeline.jobs().cancel(job->id, [&s, answer = std::move(answer)](actors::answer<found_job> given) {
    if (const auto* now = std::get_if<found_job>(&given)) return answer(describe(s, **now));
    const auto& why = std::get<actors::refusal>(given);
    if (why.why == actors::fault::already_ended) return answer(failed(409, "the execution has ended already"));
    if (why.why == actors::fault::unknown_job) return answer(no_such_execution());
    answer(refused(s, why));
  });
}

}  // namespace lazaret::http
