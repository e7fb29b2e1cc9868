#include "actors/queue/queue.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "actors/caf_fault.hpp"
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

}  // namespace

queue_actor::behavior_type queue_state::start(queue_options options, std::shared_ptr<store> runs,
                                              std::shared_ptr<board> figures) {
  options_ = options;
  store_ = std::move(runs);
  board_ = std::move(figures);
  board_->configure(name, 1, options_.limit);
  reload();
  return {
      [this](enqueue& request) { return accept(request); },
      [this](const enlist& stage) { take_on(stage); },
      [this](const demand& stage) { take_on(stage); },
      [this](const begin& started) { mark(started); },
      [this](finish& done) { return record(done); },
      [this](const give_back& lost) { reclaim(lost); },
      [this](const delivered& report) { note_delivery(report); },
      [this](const cancel& request) { return end_early(request); },
      [this](const adjust& request) { return limit(request); },
      [this](const requeue& due) {
        if (const auto found = entries_.find(due.run_id); found != entries_.end() && !found->second.claimed) {
          wait(found->second);
        }
      },
      [this](drain) { draining_ = true; },
      [this](const wire& w) {
        const bool first = neighbours_ == nullptr;
        const bool new_courier = first || neighbours_->courier != w.neighbours->courier;
        neighbours_ = w.neighbours;
        if (new_courier && options_.deliver_reports) {
          for (auto& run_id : store_->undelivered()) self_->send(neighbours_->courier, deliver{std::move(run_id)});
        }
      },
  };
}

/// What an earlier life of this actor, or of the service, had accepted and not ended.
void queue_state::reload() {
  for (auto& known : store_->unfinished()) {
    add(entry{std::move(known.what), known.next, known.attempt, false, 0, 0});
  }
  show();
}

bool queue_state::is_full() const {
  const auto open = population_[0] + population_[1];  // download and execution; what comes after is quick
  return open >= options_.limit + lanes_[static_cast<std::size_t>(work_stage::execution)].concurrency;
}

caf::result<accepted> queue_state::accept(enqueue& request) {
  if (draining_) return make_fault(fault::draining);
  if (is_full()) return make_fault(fault::queue_full);
  entry fresh;
  fresh.what.run_id = boost::uuids::to_string(boost::uuids::random_generator{}());
  fresh.what.asked = std::move(request.what);
  fresh.what.created_at = system_clock::now();
  if (!save(fresh, work_stage::download, {status_event(status::queued)})) {
    return make_fault(fault::unavailable, "the run could not be written to the store");
  }
  auto run_id = fresh.what.run_id;
  add(std::move(fresh));
  hand_out(work_stage::download);
  return accepted{std::move(run_id)};
}

void queue_state::take_on(const enlist& stage) {
  auto& l = lane_of(stage.stage);
  l.stage = caf::actor_cast<stage_actor>(stage.who);
  l.room = static_cast<std::ptrdiff_t>(stage.room);
  l.concurrency = stage.concurrency;
  for (auto& [run_id, e] : entries_) {
    if (e.at != stage.stage) continue;
    const auto held = std::find_if(stage.holding.begin(), stage.holding.end(), [&, &id = run_id](const ticket& t) {
      return t.run_id == id && t.attempt >= e.attempt;
    });
    if (held != stage.holding.end()) {  // it survived this queue's restart: it goes on
      if (!e.claimed) ++claimed_;
      e.claimed = true;
      e.attempt = held->attempt;
    } else if (e.claimed) {  // its stage was restarted and knows nothing of it
      release(e);
      l.waiting.push_front(run_id);
    }
  }
  hand_out(stage.stage);
}

void queue_state::take_on(const demand& stage) {
  auto& l = lane_of(stage.stage);
  l.room += stage.more;
  l.concurrency = stage.concurrency;
  hand_out(stage.stage);
}

void queue_state::mark(const begin& started) {
  auto* const e = claimed_by(started.ticket);
  if (e == nullptr) return;
  std::vector<new_event> events;
  if (e->what.status == status::queued) {
    e->what.status = status::running;
    e->what.started_at = system_clock::now();
    events.push_back(status_event(status::running));
  }
  auto& timing = timing_of(e->what, e->at);
  timing.started_at = system_clock::now();
  timing.outcome.clear();
  ++timing.attempts;
  events.push_back(stage_event(e->at, "started"));
  // A store that can't be written now is met again when the result is recorded; the work need not wait for it.
  static_cast<void>(save(*e, e->at, std::move(events)));
}

caf::result<recorded> queue_state::record(finish& done) {
  auto* const current = claimed_by(done.ticket);
  if (current == nullptr) return recorded{};
  entry e = *current;
  const auto stage = e.at;
  bool written = false;
  if (auto* const failure = std::get_if<stage_failure>(&done.result)) {
    if (failure->retry && e.retries < options_.max_retries) {
      written = retry_later(std::move(e), *failure);
    } else {
      stop_clock(e.what, stage, "failed");
      e.what.error = failure->error;
      auto event = stage_event(stage, "failed", failure->error);
      written = stage == work_stage::report ? conclude(std::move(e), status::failed)
                                            : advance(std::move(e), work_stage::report, {std::move(event)});
    }
  } else {
    stop_clock(e.what, stage, "done");
    std::optional<work_stage> next;
    if (auto* const release = std::get_if<download_result>(&done.result)) {
      next = release->unpackable ? work_stage::execution : work_stage::analysis;
      e.what.error = release->error;
      e.what.download = std::move(*release);
    } else if (auto* const observed = std::get_if<execution_result>(&done.result)) {
      next = work_stage::analysis;
      e.what.execution = std::move(*observed);
    } else if (auto* const judged = std::get_if<analysis_result>(&done.result)) {
      next = work_stage::report;
      e.what.analysis = std::move(*judged);
    }
    written = next ? advance(std::move(e), next, {stage_event(stage, "done")})
                   : conclude(std::move(e), current->what.analysis ? status::completed : status::failed);
  }
  if (!written) return make_fault(fault::unavailable, "the store can't be written");
  return recorded{};
}

/// The worker died with the run in its hands. A run that does this again and again is what kills them.
void queue_state::reclaim(const give_back& lost) {
  auto* const e = claimed_by(lost.ticket);
  if (e == nullptr) return;
  if (++e->crashes < options_.max_crashes) {
    release(*e);
    lane_of(e->at).waiting.push_front(e->what.run_id);
    hand_out(e->at);
    return;
  }
  entry poisoned = *e;
  poisoned.what.error = "poison: the run ended its worker " + std::to_string(e->crashes) + " times in the " +
                        std::string{actors::name(e->at)} + " stage; last: " + lost.reason;
  stop_clock(poisoned.what, e->at, "failed");
  auto event = stage_event(e->at, "failed", poisoned.what.error);
  const bool written = e->at == work_stage::report
                           ? conclude(std::move(poisoned), status::failed)
                           : advance(std::move(poisoned), work_stage::report, {std::move(event)});
  if (!written) release(*e);  // stays at its stage; tried again with the next restart or retry
}

caf::result<canceled> queue_state::end_early(const cancel& request) {
  const auto found = entries_.find(request.run_id);
  if (found == entries_.end()) {
    return make_fault(store_->find(request.run_id) ? fault::already_ended : fault::unknown_run);
  }
  entry e = found->second;
  const auto at = e.at;
  const bool was_claimed = e.claimed;
  if (was_claimed) stop_clock(e.what, at, "canceled");
  auto result = e.what;
  if (!conclude(std::move(e), status::canceled)) return make_fault(fault::unavailable, "the store can't be written");
  if (was_claimed && lane_of(at).stage) self_->send(lane_of(at).stage, abort_run{request.run_id});
  return canceled{store_->find(request.run_id).value_or(std::move(result))};
}

void queue_state::note_delivery(const delivered& report) {
  if (!store_->set_delivery(report.run_id, report.status, report.error)) {
    self_->delayed_send(self_, first_retry, report);
  }
}

caf::result<adjusted> queue_state::limit(const adjust& request) {
  if (request.change.concurrency) return make_fault(fault::fixed, "concurrency: the queue has one worker");
  if (request.change.queue_limit) {
    options_.limit = static_cast<std::size_t>(*request.change.queue_limit);
    board_->configure(name, 1, options_.limit);
  }
  return adjusted{board_->of(name)};
}

bool queue_state::save(const entry& e, std::optional<work_stage> next, std::vector<new_event> events) {
  return static_cast<bool>(store_->save(e.what, next, e.attempt, events));
}

/// Writes the changed run at its next stage, and only then puts it in the place of the one that was.
bool queue_state::advance(entry changed, std::optional<work_stage> next, std::vector<new_event> events) {
  changed.at = *next;
  changed.crashes = changed.retries = 0;
  if (!save(changed, next, std::move(events))) return false;
  remove(changed.what.run_id);
  changed.claimed = false;
  add(std::move(changed));
  hand_out(*next);
  return true;
}

bool queue_state::conclude(entry changed, status how) {
  auto& r = changed.what;
  r.status = how;
  r.finished_at = system_clock::now();
  const bool has_report = how == status::completed || how == status::failed;
  if (has_report && options_.deliver_reports) r.delivery = delivery_status::pending;
  std::vector<new_event> events;
  if (!r.stages.empty()) {
    events.push_back(stage_event(changed.at, r.stages.back().outcome.empty() ? "done" : r.stages.back().outcome));
  }
  events.push_back(end_event(r));
  if (!save(changed, std::nullopt, std::move(events))) return false;
  if (how == status::completed && r.analysis) {
    board_->meters().verdict(r.asked.ecosystem, actors::name(r.analysis->verdict));
  }
  if (r.delivery == delivery_status::pending && neighbours_) {
    self_->send(neighbours_->courier, deliver{r.run_id});
  }
  remove(r.run_id);
  show();
  return true;
}

bool queue_state::retry_later(entry changed, const stage_failure& why) {
  const auto wait = std::min(first_retry * (1 << std::min(changed.retries, 10)), last_retry);
  const auto stage = changed.at;
  if (!save(changed, stage, {stage_event(stage, "retry", why.error)})) return false;
  auto& e = entries_.at(changed.what.run_id);
  ++e.retries;
  release(e);
  self_->delayed_send(self_, wait, requeue{changed.what.run_id});
  show();
  return true;
}

void queue_state::add(entry e) {
  ++population_[static_cast<std::size_t>(e.at)];
  if (e.claimed) ++claimed_;
  const auto [place, fresh] = entries_.insert_or_assign(e.what.run_id, std::move(e));
  if (!place->second.claimed) lane_of(place->second.at).waiting.push_back(place->first);
}

void queue_state::release(entry& e) {
  if (e.claimed) --claimed_;
  e.claimed = false;
}

void queue_state::remove(const std::string& run_id) {
  const auto found = entries_.find(run_id);
  if (found == entries_.end()) return;
  --population_[static_cast<std::size_t>(found->second.at)];
  release(found->second);
  entries_.erase(found);
}

void queue_state::wait(const entry& e) {
  lane_of(e.at).waiting.push_back(e.what.run_id);
  hand_out(e.at);
}

void queue_state::hand_out(work_stage stage) {
  auto& l = lane_of(stage);
  while (!draining_ && l.stage && l.room > 0 && !l.waiting.empty()) {
    const auto run_id = std::move(l.waiting.front());
    l.waiting.pop_front();
    const auto found = entries_.find(run_id);
    if (found == entries_.end() || found->second.claimed || found->second.at != stage) continue;
    auto& e = found->second;
    e.claimed = true;
    ++claimed_;
    ++e.attempt;
    --l.room;
    self_->send(l.stage, assignment{{run_id, stage, e.attempt}, std::make_shared<const run>(e.what)});
  }
  show();
}

void queue_state::show() { board_->occupy(name, entries_.size() - claimed_, 0); }

queue_state::entry* queue_state::claimed_by(const ticket& t) {
  const auto found = entries_.find(t.run_id);
  if (found == entries_.end()) return nullptr;
  auto& e = found->second;
  return e.claimed && e.at == t.stage && e.attempt == t.attempt ? &e : nullptr;
}

}  // namespace lazaret::actors
