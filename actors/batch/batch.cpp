#include "actors/batch/batch.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/at_work.hpp"
#include "actors/batch/job_document.hpp"
#include "actors/caf_fault.hpp"
#include "actors/fault_point.hpp"
#include "actors/stage.hpp"

namespace lazaret::actors {
namespace {

using durable::settlement;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::chrono::milliseconds longest_retry{8'000};

bool is_lost(const sandbox::result<settlement>& answer) { return answer && *answer != settlement::done; }

}  // namespace

batch_worker_actor::behavior_type batch_worker(batch_worker_actor::pointer self, const batch_options& options) {
  return {[self, work = options.work, files = options.files, logs = options.logs](const run_job& one) {
    const auto& what = *one.what;
    const auto place =
        batch::desk_place{files->input(what.id), files->log(what.id, what.attempt),
                          files->artifacts(what.id, what.attempt), [logs, id = what.id] { logs->written(id); }};
    const at_work mine{batch::job_kind, what.id, static_cast<std::uint64_t>(what.attempt)};
    std::optional<batch::verdict> result;
    if (const auto found = work.find(what.front); found != work.end())
      result = found->second(what, place, one.stop);
    else
      result = batch::verdict{.error = "no such front end: " + what.front};
    const auto asker = caf::actor_cast<batch_actor>(self->current_sender());
    if (asker) self->send(asker, job_ran{what.id, what.attempt, std::move(result)});
  }};
}

batch_actor::behavior_type batch_state::start(batch_options options, std::shared_ptr<board> figures) {
  options_ = std::move(options);
  board_ = std::move(figures);
  crew_ = std::make_unique<crew<batch_actor::stateful_pointer<batch_state>, batch_worker_actor>>(
      self_, name, *board_, options_.restarts, [this] {
        return self_->spawn<caf::detached>(
            [options = options_](batch_worker_actor::pointer worker) { return batch_worker(worker, options); });
      });
  const auto settings = board_->of(name);
  crew_->want(options_.works ? settings.concurrency : 0);
  limit_ = settings.queue_limit;
  self_->set_down_handler([this](const caf::down_msg& down) { replace(down); });
  // What a former life of this actor, or of the service, had in hand is nobody's now.
  static_cast<void>(options_.jobs->abandon());
  // The store calls on threads of its own, and must not keep this actor alive.
  watch_ = options_.jobs->watch([weak = caf::weak_actor_ptr{self_->ctrl()}, poked = poked_] {
    if (poked->exchange(true)) return;
    if (const auto strong = weak.lock()) caf::anon_send(caf::actor_cast<batch_actor>(strong), look_for_jobs{});
  });
  self_->delayed_send(self_, options_.lease / 4, renew_leases{});
  hand_out();
  return {
      [this](commit_job& request) { return accept(request); },
      [this](const cancel_job& request) { return end_early(request); },
      [this](const await_job& request) { return await(request); },
      [this](job_ran& done) { complete(done); },
      [this](look_for_jobs) {
        poked_->store(false);
        hand_out();
      },
      [this](const look_at_job& which) { look_at(which.id); },
      [this](const expire_wait& late) { expire(late); },
      [this](const resume_job& due) { resume(due); },
      [this](renew_leases) { renew(); },
      [this](const adjust& request) { return change(request); },
      [this](const strike&) { strike_worker(); },
      [this](replenish) {
        crew_->refill();
        hand_out();
      },
      [this](drain) { close(); },
  };
}

batch_state::~batch_state() {
  for (auto& e : entries_) {
    e.stop.request_stop();
    if (e.worker) caf::anon_send_exit(e.worker, caf::exit_reason::user_shutdown);
    if (draining_ && !e.lost) put_back(e, {}, false);
  }
  for (auto& [number, w] : waiters_) w.answer.deliver(make_fault(fault::unavailable, "the stage is being restarted"));
}

caf::result<committed> batch_state::accept(commit_job& request) {
  using kind = durable::admission::kind;
  if (draining_) return make_fault(fault::draining);
  LAZARET_FAULT_POINT("job.accept");
  auto got = options_.jobs->add(*request.what, limit_, request.key);
  LAZARET_FAULT_POINT("job.added");
  if (!got) return make_fault(fault::store_away);
  if (got->what == kind::full) return make_fault(fault::queue_full);
  if (got->what == kind::conflict) return make_fault(fault::key_reused);
  if (got->what == kind::exists) return make_fault(fault::unavailable, "there is a job of that id");
  hand_out();
  return committed{std::move(got->id)};
}

void batch_state::hand_out() {
  for (;;) {
    // Who could not begin yet, since the store was away in between, has a worker coming to it.
    const auto pending = std::ranges::count_if(entries_, [](const entry& e) { return !e.worker && !e.concluded; });
    const auto room = crew_->room() - std::min(crew_->room(), static_cast<std::size_t>(pending));
    if (draining_ || room == 0) break;
    auto taken = options_.jobs->take(room, options_.lease);
    if (!taken || taken->empty()) break;  // the store pokes when there is more, or when it can be read again
    for (auto& one : *taken) {
      auto& e = entries_.emplace_back();
      e.claim = std::move(one.claim);
      e.what = std::move(one.what);
      begin(std::prev(entries_.end()));
    }
  }
  show();
}

/// In the store before the worker hears of it: whoever asks is shown the log of the attempt that counts.
void batch_state::begin(entries::iterator e) {
  if (!crew_->has_room()) {  // while the store was away somebody else came
    put_back(*e, {}, false);
    entries_.erase(e);
    return;
  }
  if (auto why = poison(e->claim, options_.poison)) {
    e->poisoned = true;
    return conclude(e, {.error = std::move(*why)});
  }
  e->watch = options_.jobs->watch(e->claim.name.id, look_later(e->claim.name.id));
  // Whoever was asked to cancel it may have died before.
  const auto canceled = e->claim.attempts > 1 ? options_.jobs->is_asked_to_cancel(e->claim.name.id) : false;
  if (!canceled) return later(*e);
  if (*canceled) {
    e->canceled = true;
    return conclude(e, {});
  }
  auto next = e->what;
  next.status = batch::status::running;
  next.started_at = system_clock::now();
  next.attempt = static_cast<int>(e->claim.token);
  const auto written = options_.jobs->update(e->claim, next);
  if (!written) return later(*e);
  if (is_lost(written)) return drop(e);
  LAZARET_FAULT_POINT("job.begun");
  e->what = std::move(next);
  e->began = steady_clock::now();
  e->worker = crew_->take();
  self_->send(e->worker, run_job{std::make_shared<const batch::job>(e->what), e->stop.get_token()});
}

void batch_state::later(const entry& e) {
  self_->delayed_send(self_, options_.first_retry, resume_job{e.claim.name.id, static_cast<int>(e.claim.token)});
}

void batch_state::resume(const resume_job& due) {
  const auto e = in_hand(due.id, due.attempt);
  if (e == entries_.end() || e->worker) return;
  e->concluded ? settle(e) : begin(e);
  hand_out();
}

std::chrono::milliseconds batch_state::wait_after(int tries) const {
  return std::min(longest_retry, options_.first_retry * (1 << std::clamp(tries - 1, 0, 10)));
}

/// It waits again, and says so. If it can't be written, the lease runs out.
void batch_state::put_back(entry& e, std::chrono::milliseconds wait, bool died) {
  if (e.what.status == batch::status::running) {
    e.what.status = batch::status::queued;
    if (is_lost(options_.jobs->update(e.claim, e.what))) return;
  }
  const auto due = wait.count() > 0 ? system_clock::now() + wait : batch::job::time{};
  static_cast<void>(options_.jobs->put_back(e.claim, due, died));
}

void batch_state::complete(job_ran& done) {
  const auto e = in_hand(done.id, done.attempt);
  if (e == entries_.end() || !e->worker) return;
  LAZARET_FAULT_POINT("job.ran");
  const auto* how = e->canceled || e->lost ? "canceled" : done.result ? "done" : "failed";
  board_->meters().stage_finished(name, how, steady_clock::now() - e->began);
  crew_->give_back(e->worker);
  e->worker = nullptr;
  if (e->lost) {
    entries_.erase(e);
  } else if (e->canceled || done.result) {
    conclude(e, std::move(done.result).value_or(batch::verdict{}));
  } else if (const int tries = e->claim.attempts - e->claim.deaths - e->claim.losses; tries <= options_.max_retries) {
    put_back(*e, wait_after(tries), false);
    entries_.erase(e);
  } else {
    conclude(e, {.error = "no jail could be made for it"});
  }
  hand_out();
}

/// A worker died with the job in its hands. A job that does this again and again is what kills them.
void batch_state::replace(const caf::down_msg& down) {
  const auto e = std::ranges::find_if(
      entries_, [&](const entry& one) { return one.worker && one.worker.address() == down.source; });
  crew_->bury(down.source, e != entries_.end());
  if (e != entries_.end()) {
    e->stop.request_stop();
    e->worker = nullptr;
    board_->meters().stage_finished(name, "crashed", steady_clock::now() - e->began);
    if (e->canceled && !e->lost) {
      conclude(e, {});
    } else {
      if (!e->lost) put_back(*e, {}, fell_by_itself(down));
      entries_.erase(e);
    }
  }
  hand_out();
}

void batch_state::conclude(entries::iterator e, batch::verdict how) {
  auto& j = e->what;
  j.status = e->canceled ? batch::status::canceled : how.status;
  j.finished_at = system_clock::now();
  j.exit_code = how.exit_code;
  j.error = e->canceled ? std::string{} : std::move(how.error);
  j.artifacts = std::move(how.artifacts);
  j.log_lines = how.log_lines;
  e->concluded = true;
  settle(e);
}

/// Tells everybody how it ended, once that is in the store.
void batch_state::settle(entries::iterator e) {
  auto written = options_.jobs->settle(e->claim, e->what);
  if (!written && written.error().step == "bounds") {  // which waiting doesn't heal
    e->what.status = batch::status::failed;
    e->what.error = "what it made is too much to be kept";
    e->what.artifacts.clear();
    written = options_.jobs->settle(e->claim, e->what);
  }
  if (!written) return later(*e);
  LAZARET_FAULT_POINT("job.settled");
  if (*written == settlement::done) {
    if (e->poisoned) board_->meters().poisoned(name);
    answer_waiters(e->what);
  }
  entries_.erase(e);
  show();
}

void batch_state::renew() {
  for (auto e = entries_.begin(); e != entries_.end();) {
    const auto one = e++;
    if (!one->lost && is_lost(options_.jobs->renew(one->claim, options_.lease))) drop(one);
  }
  self_->delayed_send(self_, options_.lease / 4, renew_leases{});
}

/// Somebody else has it, or nobody is to have it any more.
void batch_state::drop(entries::iterator e) {
  // Who wants it canceled asked us; whoever has it now does not know.
  if (e->canceled) static_cast<void>(options_.jobs->ask_to_cancel(e->claim.name.id));
  e->lost = true;
  e->stop.request_stop();
  if (!e->worker) entries_.erase(e);
  show();
}

/// What runs may end; who waits for a job that won't begin here any more is told. It goes on elsewhere, or with the
/// next start. Said once more, patience is over: nobody waits any longer.
void batch_state::close() {
  const bool is_over = std::exchange(draining_, true);
  for (auto e = entries_.begin(); e != entries_.end();) {
    const auto one = e++;
    if (one->worker || one->concluded) continue;
    put_back(*one, {}, false);
    entries_.erase(one);
  }
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const bool goes_on = !is_over && in_hand(it->second.id) != entries_.end();
    if (!goes_on) it->second.answer.deliver(make_fault(fault::draining));
    it = goes_on ? std::next(it) : waiters_.erase(it);
  }
  show();
}

caf::result<adjusted> batch_state::change(const adjust& request) {
  const auto& [concurrency, queue_limit] = request.change;
  if (concurrency && !options_.works) return make_fault(fault::fixed, "concurrency: INLINE_WORKER is 0");
  if (auto wrong = check(request.change)) return wrong;
  const auto before = board_->of(name);
  if (queue_limit) limit_ = static_cast<std::size_t>(*queue_limit);
  const auto wanted = concurrency ? static_cast<std::size_t>(*concurrency) : before.concurrency;
  board_->configure(name, wanted, limit_);
  if (options_.works) crew_->want(wanted);
  hand_out();
  return adjusted{board_->of(name)};
}

void batch_state::strike_worker() {
  for (auto& e : entries_) {
    if (!e.worker) continue;
    self_->send_exit(e.worker, caf::exit_reason::kill);
    return;
  }
  crew_->strike_idle();
}

batch_state::entries::iterator batch_state::in_hand(const std::string& id) {
  return std::ranges::find_if(entries_, [&](const entry& e) { return !e.lost && e.claim.name.id == id; });
}

batch_state::entries::iterator batch_state::in_hand(const std::string& id, int attempt) {
  return std::ranges::find_if(
      entries_, [&](const entry& e) { return e.claim.name.id == id && static_cast<int>(e.claim.token) == attempt; });
}

std::function<void()> batch_state::look_later(const std::string& id) {
  return [weak = caf::weak_actor_ptr{self_->ctrl()}, id] {
    if (const auto strong = weak.lock()) caf::anon_send(caf::actor_cast<batch_actor>(strong), look_at_job{id});
  };
}

void batch_state::show() {
  const auto depth = options_.jobs->depth();
  board_->occupy(name, depth ? depth->waiting : 0, crew_->busy());
}

}  // namespace lazaret::actors
