#include "http/jobs/routes.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "actors/batch/log.hpp"
#include "actors/json.hpp"
#include "http/byte_range.hpp"
#include "http/idempotency_key.hpp"
#include "http/jobs/log_stream.hpp"
#include "http/jobs/spec.hpp"
#include "http/refusal.hpp"

namespace lazaret::http::jobs {
namespace {

namespace json = boost::json;
using found_job = std::shared_ptr<const batch::job>;

/// compat/jobs.md: how much longer than the program may take its client waits.
constexpr std::chrono::seconds patience{5};

response not_found() { return failed(404, "job not found"); }
response no_artifact() { return failed(404, "artifact not found"); }

bool is_job_id(std::string_view id) {
  return id.size() == 32 &&
         std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<batch::job> find(const site& s, const request& r) {
  if (!is_job_id(r.argument)) return std::nullopt;
  auto job = s.pipeline.jobs().find(std::string{r.argument});
  return job && job->front == "jobs" ? std::move(job) : std::nullopt;
}

response refusal(const site& s, const actors::refusal& why) {
  return why.why == actors::fault::already_ended ? failed(409, "job has ended already") : refused(s, why);
}

using accepted = std::function<void(batch::submitted as, const job_spec& spec)>;

/// A form is the same whatever its boundary: what counts is what was read in it.
checked<std::optional<durable::idempotency>> read_key(const request& r, std::string_view spec,
                                                      const std::vector<batch::incoming_file>& files) {
  std::vector<std::string_view> pieces{spec};
  for (const auto& file : files) pieces.insert(pieces.end(), {file.role, file.name, file.content});
  return read_idempotency_key(r, pieces);
}

void mark_repeated(response& r, const batch::submitted& as) {
  if (as.repeated) r.headers.emplace_back("Idempotent-Replayed", "true");
}

/// Reads the form, writes the job; `then` goes on with its id. The body stays where it is until `answer` was given.
void take_in(const site& s, const request& r, respond answer, accepted then) {
  auto read = read_request(r, {.most_memory_mb = s.settings.jobs_max_memory_mb,
                               .allows_outbound = s.settings.allow_outbound == "true",
                               .runtimes = &s.runtimes});
  if (auto* wrong = std::get_if<response>(&read)) {
    s.metrics.submission("jobs", "invalid");
    return answer(std::move(*wrong));
  }
  auto asked = std::make_shared<job_request>(std::move(std::get<job_request>(read)));
  auto what = std::make_shared<batch::new_job>();
  what->front = "jobs";
  what->owner = r.client;
  what->spec = json::serialize(to_json(asked->spec));
  auto key = read_key(r, what->spec, asked->files);
  if (auto* wrong = std::get_if<complaint>(&key)) {
    s.metrics.submission("jobs", "invalid");
    return answer(failed(static_cast<unsigned>(wrong->status), wrong->detail));
  }
  what->key = std::move(std::get<std::optional<durable::idempotency>>(key));
  what->input = std::move(asked->files);
  // Writing and fsync are for a thread that nobody's events wait for.
  s.aside([&s, what, asked, answer = std::move(answer), then = std::move(then)] {
    s.pipeline.jobs().submit(std::move(*what), [&s, asked, answer, then](actors::answer<batch::submitted> given) {
      if (const auto* why = std::get_if<actors::refusal>(&given)) {
        s.metrics.submission("jobs", row(why->why).outcome);
        return answer(refusal(s, *why));
      }
      s.metrics.submission("jobs", "accepted");
      then(std::get<batch::submitted>(std::move(given)), asked->spec);
    });
  });
}

/// Takes it in and waits for its end.
void take_and_wait(const site& s, const request& r, respond answer,
                   json::object (*render)(const batch::job& job, std::string logs)) {
  take_in(s, r, answer, [&s, answer, render](batch::submitted as, const job_spec& spec) {
    const auto within = std::chrono::seconds{spec.timeout_sec} + patience;
    s.pipeline.jobs().await(as.id, within, [&s, answer, render, as](actors::answer<found_job> given) {
      if (const auto* why = std::get_if<actors::refusal>(&given)) {
        auto late = refusal(s, *why);
        late.headers.emplace_back("X-Job-Id", as.id);  // it goes on, and can be asked for
        return answer(std::move(late));
      }
      s.aside([&s, answer, render, as, job = std::get<found_job>(given)] {
        response done{.body = json::serialize(render(*job, read_log(s, *job)))};
        mark_repeated(done, as);
        answer(std::move(done));
      });
    });
  });
}

json::object with_job(const batch::job& job, std::string logs) {
  return {{"job", to_json(job)}, {"logs", std::move(logs)}, {"artifacts", artifact_names(job)}};
}

json::object flat(const batch::job& job, std::string logs) {
  return {{"job_id", job.id},
          {"status", job.status == batch::status::succeeded ? "succeeded" : "failed"},
          {"exit_code", job.exit_code ? json::value(*job.exit_code) : json::value(nullptr)},
          {"error", job.error.empty() ? json::value(nullptr) : json::value(job.error)},
          {"logs", std::move(logs)},
          {"artifacts", artifact_names(job)}};
}

/// RFC 8187 in RFC 6266's header: what a browser saves it as. The name is a stranger's.
std::string attachment(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text = "attachment; filename*=UTF-8''";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
    if (plain)
      text += c;
    else
      text += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

std::string percent_decoded(std::string_view text) {
  const auto hex = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
  };
  std::string decoded;
  for (std::size_t n = 0; n < text.size(); ++n) {
    const bool escape = text[n] == '%' && n + 2 < text.size() && hex(text[n + 1]) >= 0 && hex(text[n + 2]) >= 0;
    decoded += escape ? static_cast<char>(hex(text[n + 1]) * 16 + hex(text[n + 2])) : text[n];
    if (escape) n += 2;
  }
  return decoded;
}

}  // namespace

void submit(const site& s, const request& r, respond answer) {
  take_in(s, r, answer, [answer](batch::submitted as, const job_spec&) {
    response taken{.body = json::serialize(json::object{{"job_id", as.id}, {"status", "queued"}})};
    mark_repeated(taken, as);
    answer(std::move(taken));
  });
}

void submit_and_wait(const site& s, const request& r, respond answer) {
  take_and_wait(s, r, std::move(answer), with_job);
}

void run(const site& s, const request& r, respond answer) { take_and_wait(s, r, std::move(answer), flat); }

void cancel(const site& s, const request& r, respond answer) {
  if (!find(s, r)) return answer(not_found());
  s.pipeline.jobs().cancel(std::string{r.argument}, [&s, answer](actors::answer<found_job> given) {
    if (const auto* why = std::get_if<actors::refusal>(&given)) return answer(refusal(s, *why));
    answer({.body = json::serialize(json::object{{"job", to_json(*std::get<found_job>(given))}})});
  });
}

response show(const site& s, const request& r) {
  const auto job = find(s, r);
  if (!job) return not_found();
  // One that was ended from outside has lines that nobody counted.
  const bool counted = batch::has_ended(job->status) && job->log_lines > 0;
  const auto lines = counted ? job->log_lines : batch::count_lines(s.pipeline.jobs().log_of(*job));
  return {.body = json::serialize(json::object{{"job", to_json(*job)}, {"log_lines", lines}})};
}

response logs(const site& s, const request& r) {
  const auto job = find(s, r);
  if (!job) return not_found();
  response text{.content_type = "text/plain; charset=utf-8"};
  const auto file = s.pipeline.jobs().log_of(*job);
  std::error_code bad;
  if (std::filesystem::is_regular_file(file, bad)) text.file = file;
  return text;
}

response stream_logs(const site& s, const request& r) {
  const auto job = find(s, r);
  if (!job) return not_found();
  if (s.event_streams >= site::max_event_streams) {
    auto busy = failed(503, "too many event streams");
    busy.headers.emplace_back("Retry-After", "5");
    return busy;
  }
  response stream{.content_type = "text/event-stream; charset=utf-8"};
  stream.headers.emplace_back("X-Accel-Buffering", "no");  // a proxy in between should not hold events back
  stream.live = follow_log(s, job->id);
  return stream;
}

response artifact(const site& s, const request& r) {
  const auto job = find(s, r);
  if (!job) return not_found();
  const auto wanted = percent_decoded(r.second);
  const auto found = std::ranges::find(job->artifacts, wanted, &batch::kept_file::name);
  if (found == job->artifacts.end()) return no_artifact();
  // Whatever it is, a browser must neither show nor run it.
  response file{.content_type = "application/octet-stream"};
  file.headers.emplace_back("Content-Disposition", attachment(found->name));
  file.headers.emplace_back("Content-Security-Policy", "sandbox");
  file.file = s.pipeline.jobs().artifacts_of(*job);
  const auto place = found - job->artifacts.begin();
  apply_range(file, r, {found->offset, found->size},
              "\"" + job->id + "." + std::to_string(job->attempt) + "." + std::to_string(place) + "\"");
  return file;
}

namespace {

response health(const site&, const request&) { return {.body = R"({"status":"ok"})"}; }
response front_page(const site&, const request&) { return page(); }

}  // namespace

std::span<const route> own_port() noexcept {
  constexpr auto reach = access::reach;
  static const std::array table{
      route{"POST", "/jobs", reach, executing{submit}, "queue a job", &fastapi},
      route{"POST", "/jobs/sync", reach, executing{submit_and_wait}, "run a job and wait for it", &fastapi},
      route{"GET", "/jobs/{id}", reach, reading{show}, "one job", &fastapi},
      route{"DELETE", "/jobs/{id}", reach, cancel, "cancel a job", &fastapi},
      route{"GET", "/jobs/{id}/logs", reach, reading{logs}, "its log so far", &fastapi},
      route{"GET", "/jobs/{id}/logs/stream", reach, reading{stream_logs}, "its log as it comes", &fastapi},
      route{"GET", "/jobs/{id}/artifacts/{filename}", reach, reading{artifact}, "a file that it made", &fastapi},
      route{"POST", "/run", reach, executing{run}, "run a job and wait for it, the simpler contract", &fastapi},
      route{"GET", "/health", access::open, health, "liveness", &fastapi},
      route{"GET", "/", access::open, front_page, "a page for people", &fastapi},
  };
  return table;
}

}  // namespace lazaret::http::jobs
