#include "http/execute/executions.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>
#include <functional>

#include "actors/fault_point.hpp"
#include "actors/run.hpp"
#include "http/refusal.hpp"
#include "http/routes.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;
using found_job = std::shared_ptr<const batch::job>;

/// Whoever is still there then is told where to ask for the rest, or asks again with the same key.
constexpr std::chrono::minutes longest_wait{10};

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
  if (job.artifacts.empty() || job.artifacts.front().role == refusal_role) return shown;
  const auto& kept = job.artifacts.front();
  shown.body.back() = ',';  // the one object goes on as the other
  shown.file = s.pipeline.jobs().artifacts_of(job);
  shown.piece = {kept.offset + 1, kept.size - 1};
  return shown;
}

response marked(const batch::submitted& as, response answer) {
  if (as.repeated) answer.headers.emplace_back("Idempotent-Replayed", "true");
  return answer;
}

response taken_in(const batch::submitted& as) {
  response accepted{.status = 202,
                    .body = json::serialize(json::object{{"execution_id", as.id}, {"status", "queued"}})};
  accepted.headers.emplace_back("Location", "/v1/executions/" + as.id);
  return marked(as, std::move(accepted));
}

/// Of one that failed: what was wrong with the request, or ours.
unsigned status_of(const batch::job& job) {
  unsigned status = 500;
  if (!job.artifacts.empty() && job.artifacts.front().role == refusal_role) {
    const auto& text = job.artifacts.front().name;
    std::from_chars(text.data(), text.data() + text.size(), status);
  }
  return status;
}

/// As the form that runs at once says it.
response end_of(const site& s, const batch::job& job) {
  if (job.status == batch::status::canceled) return failed(409, "the execution was canceled");
  if (job.status == batch::status::failed) return failed(status_of(job), job.error);
  response whole{.body = {}};
  whole.file = s.pipeline.jobs().artifacts_of(job);
  whole.piece = {job.artifacts.front().offset, job.artifacts.front().size};
  return whole;
}

/// Writes a request whose body was found right to disk; `answer` is told why it can't be taken, else `then` is called.
void take_in(const site& s, const request& r, std::optional<durable::idempotency> key, respond answer,
             std::function<void(const batch::submitted&)> then) {
  auto what = std::make_shared<batch::new_job>();
  what->front = executions_front;
  what->owner = r.client;
  what->spec = "{}";
  what->input = {{"body", "", r.body}};  // which stays where it is until `answer` was given
  what->key = std::move(key);
  // Writing and fsync are for a thread that nobody's events wait for.
  s.aside([&s, what, answer = std::move(answer), then = std::move(then)] {
    s.pipeline.jobs().submit(std::move(*what), [&s, answer, then](actors::answer<batch::submitted> given) {
      if (const auto* why = std::get_if<actors::refusal>(&given)) {
        s.metrics.submission("execute", row(why->why).outcome);
        return answer(refused(s, *why));
      }
      LAZARET_FAULT_POINT("execution.answer");
      s.metrics.submission("execute", "accepted");
      then(std::get<batch::submitted>(given));
    });
  });
}

}  // namespace

void accept_execution(const site& s, const request& r, execution_manner manner, std::optional<durable::idempotency> key,
                      respond answer) {
  take_in(s, r, std::move(key), answer, [answer, manner](const batch::submitted& as) {
    auto accepted = taken_in(as);
    if (manner.preferred) accepted.headers.emplace_back("Preference-Applied", "respond-async");
    answer(std::move(accepted));
  });
}

void accept_and_wait(const site& s, const request& r, durable::idempotency key, respond answer) {
  take_in(s, r, std::move(key), answer, [&s, answer](const batch::submitted& as) {
    s.pipeline.jobs().await(as.id, longest_wait, [&s, answer, as](actors::answer<found_job> given) {
      if (const auto* ended = std::get_if<found_job>(&given)) return answer(marked(as, end_of(s, **ended)));
      const auto& why = std::get<actors::refusal>(given);
      answer(why.why == actors::fault::too_late ? taken_in(as) : refused(s, why));
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
