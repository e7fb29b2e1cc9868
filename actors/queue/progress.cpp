#include "actors/queue/progress.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"

namespace lazaret::actors {
namespace {

namespace json = boost::json;
using std::chrono::system_clock;

constexpr std::chrono::milliseconds first_retry{250};
constexpr std::chrono::milliseconds last_retry{8'000};

new_event status_event(status s) { return {"status", json::serialize(json::object{{"status", name(s)}})}; }

new_event stage_event(work_stage stage, std::string_view state, const std::string& detail = {}) {
  json::object data{{"stage", name(stage)}, {"state", state}, {"at", iso8601(system_clock::now())}};
  if (!detail.empty()) data["detail"] = valid_utf8(detail);
  return {"stage", json::serialize(data)};
}

new_event end_event(const run& r) {
  json::object data{{"status", name(r.status)}, {"verdict", nullptr}, {"score", nullptr}, {"error", nullptr}};
  if (r.analysis) {
    data["verdict"] = name(r.analysis->verdict);
    data["score"] = r.analysis->score;
  }
  if (!r.error.empty()) data["error"] = valid_utf8(r.error);
  return {"end", json::serialize(data)};
}

stage_timing& timing_of(run& r, work_stage stage) {
  const auto found = std::find_if(r.stages.begin(), r.stages.end(), [&](const auto& t) { return t.stage == stage; });
  if (found != r.stages.end()) return *found;
  return r.stages.emplace_back(stage_timing{stage, "", system_clock::now(), {}, 0});
}

void stop_clock(run& r, work_stage stage, std::string_view outcome) {
  auto& timing = timing_of(r, stage);
  timing.outcome = outcome;
  timing.finished_at = system_clock::now();
}

step toward(run r, work_stage next, new_event told) {
  return {std::move(r), std::string{name(next)}, {}, {std::move(told)}};
}

/// The report goes into the outbox with the end itself.
step concluded(run r, status how, bool deliver) {
  r.status = how;
  r.finished_at = system_clock::now();
  step last;
  if (deliver && how != status::canceled) {
    r.delivery = delivery_status::pending;
    last.queue = delivery_queue;
  }
  if (!r.stages.empty()) {
    const auto& stage = r.stages.back();
    last.events.push_back(stage_event(stage.stage, stage.outcome.empty() ? "done" : stage.outcome));
  }
  last.events.push_back(end_event(r));
  last.now = std::move(r);
  return last;
}

/// There is a report all the same, unless it is the report that failed.
step failed(run r, work_stage at, std::string why, const progress_rules& rules) {
  stop_clock(r, at, "failed");
  r.error = std::move(why);
  if (at == work_stage::report) return concluded(std::move(r), status::failed, rules.deliver_reports);
  auto told = stage_event(at, "failed", r.error);
  return toward(std::move(r), work_stage::report, std::move(told));
}

}  // namespace

step queued(run fresh) { return toward(std::move(fresh), work_stage::download, status_event(status::queued)); }

step begun(run r, work_stage at) {
  step s;
  if (r.status == status::queued) {
    r.status = status::running;
    r.started_at = system_clock::now();
    s.events.push_back(status_event(status::running));
  }
  auto& timing = timing_of(r, at);
  timing.started_at = system_clock::now();
  timing.outcome.clear();
  ++timing.attempts;
  s.events.push_back(stage_event(at, "started"));
  s.now = std::move(r);
  return s;
}

step after(run r, work_stage at, stage_result result, int retries, const progress_rules& rules) {
  if (auto* const failure = std::get_if<stage_failure>(&result)) {
    if (!failure->retry || retries >= rules.max_retries)
      return failed(std::move(r), at, std::move(failure->error), rules);
    auto again = toward(std::move(r), at, stage_event(at, "retry", failure->error));
    again.not_before = system_clock::now() + std::min(first_retry * (1 << std::clamp(retries, 0, 10)), last_retry);
    return again;
  }
  stop_clock(r, at, "done");
  if (auto* const release = std::get_if<download_result>(&result)) {
    const auto next = release->unpackable ? work_stage::execution : work_stage::analysis;
    r.error = release->error;
    r.download = std::move(*release);
    return toward(std::move(r), next, stage_event(at, "done"));
  }
  if (auto* const observed = std::get_if<execution_result>(&result)) {
    r.execution = std::move(*observed);
    return toward(std::move(r), work_stage::analysis, stage_event(at, "done"));
  }
  if (auto* const judged = std::get_if<analysis_result>(&result)) {
    r.analysis = std::move(*judged);
    return toward(std::move(r), work_stage::report, stage_event(at, "done"));
  }
  r.report_folder = std::move(std::get<report_rendered>(result).folder);
  const auto how = r.analysis ? status::completed : status::failed;
  return concluded(std::move(r), how, rules.deliver_reports);
}

std::optional<work_stage> stage_ahead(const run& r) {
  if (r.finished_at) return {};
  if (r.stages.empty()) return work_stage::download;
  const auto& last = r.stages.back();
  if (last.outcome.empty()) return last.stage;  // to be tried again
  if (last.outcome == "failed" || r.analysis) return work_stage::report;
  if (r.execution || !r.download || !r.download->unpackable) return work_stage::analysis;
  return work_stage::execution;
}

step poisoned(run r, work_stage at, std::string why, const progress_rules& rules) {
  why.append(" in the ").append(name(at)).append(" stage");
  return failed(std::move(r), at, std::move(why), rules);
}

std::optional<step> canceled_early(run r) {
  if (r.finished_at) return {};
  if (!r.stages.empty() && r.stages.back().outcome.empty()) stop_clock(r, r.stages.back().stage, "canceled");
  return concluded(std::move(r), status::canceled, false);
}

step delivered_with(run r, delivery_status how, std::string error) {
  r.delivery = how;
  r.delivery_error = std::move(error);
  return {std::move(r), {}, {}, {}};
}

}  // namespace lazaret::actors
