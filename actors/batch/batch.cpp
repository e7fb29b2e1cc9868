#include "actors/batch/batch.hpp"

#include <algorithm>
#include <caf/typed_event_based_actor.hpp>

#include "actors/caf_fault.hpp"
#include "actors/stage.hpp"

namespace lazaret::actors {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::chrono::milliseconds longest_retry{8'000};
constexpr std::size_t forgotten_at_once = 100;
/// A folder whose job was never written: its service died in between, or is writing it right now.
constexpr std::chrono::hours orphan_age{1};
constexpr std::uint64_t sweeps_between_orphans = 60;

}  // namespace

batch_worker_actor::behavior_type batch_worker(batch_worker_actor::pointer self, const batch_options& options) {
  return {[self, work = options.work, files = options.files, hub = options.hub](const run_job& one) {
    const auto& what = *one.what;
    const auto place =
        batch::desk_place{files->input(what.id), files->log(what.id, what.attempt),
                          files->artifacts(what.id, what.attempt), [hub, id = what.id] { hub->poke(id); }};
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
  reload();
  self_->delayed_send(self_, options_.sweep_every, sweep_jobs{});
  return {
      [this](commit_job& request) { return accept(request); },
      [this](const cancel_job& request) { return end_early(request); },
      [this](const await_job& request) { return await(request); },
      [this](job_ran& done) { complete(done); },
      [this](const expire_wait& late) { expire(late); },
      [this](const resume_job& due) { resume(due.id); },
      [this](sweep_jobs) { sweep(); },
      [this](const adjust& request) { return change(request); },
      [this](const strike&) { strike_worker(); },
      [this](replenish) {
        crew_->refill();
        pump();
      },
      [this](drain) { close(); },
  };
}

batch_state::~batch_state() {
  for (auto& [id, e] : entries_) {
    e.stop.request_stop();
    if (e.worker) caf::anon_send_exit(e.worker, caf::exit_reason::user_shutdown);
  }
  for (auto& [id, w] : waiters_) w.answer.deliver(make_fault(fault::unavailable, "the stage is being restarted"));
}

/// What an earlier life of this actor, or of the service, had accepted and not ended.
void batch_state::reload() {
  for (auto& known : options_.jobs->unfinished()) {
    known.status = batch::status::queued;
    line_.push_back(known.id);
    auto& e = entries_[known.id];
    e.what = std::move(known);
  }
  pump();
}

caf::result<committed> batch_state::accept(commit_job& request) {
  if (draining_) return make_fault(fault::draining);
  if (line_.size() >= limit_) return make_fault(fault::queue_full);
  if (!options_.jobs->save(*request.what)) return make_fault(fault::store_away);
  const auto& id = request.what->id;
  entries_[id].what = *request.what;
  line_.push_back(id);
  pump();
  return committed{};
}

void batch_state::pump() {
  while (!line_.empty() && !draining_ && crew_->has_room()) {
    const auto id = std::move(line_.front());
    line_.pop_front();
    const auto found = entries_.find(id);
    if (found == entries_.end()) continue;
    if (!begin(found->second)) again(found->second, options_.first_retry);
  }
  show();
}

/// On disk before the worker hears of it: a restarted service must not take this attempt's number again.
bool batch_state::begin(entry& e) {
  auto next = e.what;
  next.status = batch::status::running;
  next.started_at = system_clock::now();
  ++next.attempt;
  if (!options_.jobs->save(next)) return false;
  e.what = std::move(next);
  e.stop = {};
  e.began = steady_clock::now();
  e.worker = crew_->take();
  self_->send(e.worker, run_job{std::make_shared<const batch::job>(e.what), e.stop.get_token()});
  options_.hub->poke(e.what.id);
  return true;
}

void batch_state::again(entry& e, std::chrono::milliseconds later) {
  e.what.status = batch::status::queued;
  self_->delayed_send(self_, later, resume_job{e.what.id});
}

void batch_state::resume(const std::string& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.worker) return;
  if (found->second.concluded) return settle(id);
  line_.push_front(id);
  pump();
}

std::chrono::milliseconds batch_state::wait_after(int retries) const {
  return std::min(longest_retry, options_.first_retry * (1 << std::clamp(retries - 1, 0, 10)));
}

void batch_state::complete(job_ran& done) {
  const auto found = entries_.find(done.id);
  if (found == entries_.end() || !found->second.worker || found->second.what.attempt != done.attempt) return;
  auto& e = found->second;
  const auto* how = e.canceled ? "canceled" : done.result ? "done" : "failed";
  board_->meters().stage_finished(name, how, steady_clock::now() - e.began);
  crew_->give_back(e.worker);
  e.worker = nullptr;
  if (e.canceled || done.result)
    conclude(e, std::move(done.result).value_or(batch::verdict{}));
  else if (++e.retries <= options_.max_retries)
    again(e, wait_after(e.retries));
  else
    conclude(e, {.error = "no jail could be made for it"});
  pump();
}

/// A worker died with the job in its hands. A job that does this again and again is what kills them.
void batch_state::replace(const caf::down_msg& down) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& pair) {
    return pair.second.worker && pair.second.worker.address() == down.source;
  });
  crew_->bury(down.source, found != entries_.end());
  if (found != entries_.end()) {
    auto& e = found->second;
    e.stop.request_stop();
    e.worker = nullptr;
    board_->meters().stage_finished(name, "crashed", steady_clock::now() - e.began);
    if (e.canceled) {
      conclude(e, {});
    } else if (++e.crashes < options_.max_crashes) {
      e.what.status = batch::status::queued;
      line_.push_front(e.what.id);
    } else {
      conclude(e, {.error = "it ended its worker " + std::to_string(e.crashes) + " times"});
    }
  }
  pump();
}

void batch_state::conclude(entry& e, batch::verdict how) {
  auto& j = e.what;
  j.status = e.canceled ? batch::status::canceled : how.status;
  j.finished_at = system_clock::now();
  j.exit_code = how.exit_code;
  j.error = e.canceled ? std::string{} : std::move(how.error);
  j.artifacts = std::move(how.artifacts);
  j.log_lines = how.log_lines;
  e.concluded = true;
  settle(std::string{j.id});
}

/// Tells everybody how it ended, once that is on disk.
void batch_state::settle(const std::string& id) {
  const auto found = entries_.find(id);
  if (!options_.jobs->save(found->second.what)) {
    self_->delayed_send(self_, options_.first_retry, resume_job{id});
    return;
  }
  const auto now = std::make_shared<const batch::job>(std::move(found->second.what));
  entries_.erase(found);
  std::erase(line_, id);
  const auto [first, last] = waiters_.equal_range(id);
  for (auto it = first; it != last; ++it) it->second.answer.deliver(job_state{now});
  waiters_.erase(first, last);
  options_.hub->poke(id);
  show();
}

batch_state::promise& batch_state::promised(const std::string& id, std::uint64_t number) {
  return waiters_.emplace(id, waiter{number, self_->make_response_promise<job_state>()})->second.answer;
}

caf::result<job_state> batch_state::end_early(const cancel_job& request) {
  const auto found = entries_.find(request.id);
  if (found == entries_.end())
    return make_fault(options_.jobs->find(request.id) ? fault::already_ended : fault::unknown_job);
  auto& e = found->second;
  if (e.concluded) return make_fault(fault::already_ended);
  auto answer = promised(request.id);
  e.canceled = true;
  e.stop.request_stop();
  if (!e.worker) conclude(e, {});
  return answer;
}

caf::result<job_state> batch_state::await(const await_job& request) {
  if (!entries_.contains(request.id)) {
    auto known = options_.jobs->find(request.id);
    if (!known) return make_fault(fault::unknown_job);
    return job_state{std::make_shared<const batch::job>(std::move(*known))};
  }
  const auto number = ++last_waiter_;
  auto answer = promised(request.id, number);
  self_->delayed_send(self_, request.within, expire_wait{request.id, number});
  return answer;
}

void batch_state::expire(const expire_wait& late) {
  const auto [first, last] = waiters_.equal_range(late.id);
  const auto found = std::find_if(first, last, [&](const auto& pair) { return pair.second.number == late.number; });
  if (found == last) return;
  found->second.answer.deliver(make_fault(fault::too_late));
  waiters_.erase(found);
}

/// Ended long ago, or never written: the row first, so that nobody is shown what has gone.
void batch_state::sweep() {
  const auto old = options_.jobs->forget(system_clock::now() - options_.retention, forgotten_at_once);
  if (old)
    for (const auto& id : *old) options_.files->remove(id);
  // Rare, and a look at every folder: not each time.
  if (sweeps_++ % sweeps_between_orphans == 0)
    for (const auto& id : options_.files->made_before(std::filesystem::file_time_type::clock::now() - orphan_age))
      if (!entries_.contains(id) && !options_.jobs->find(id)) options_.files->remove(id);
  const bool more = old && old->size() == forgotten_at_once;
  self_->delayed_send(self_, more ? std::chrono::milliseconds{100} : options_.sweep_every, sweep_jobs{});
}

/// What runs may end; who waits for a job that won't begin any more is told. The job goes on with the next start.
void batch_state::close() {
  draining_ = true;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const auto found = entries_.find(it->first);
    const bool goes_on = found == entries_.end() || found->second.worker;
    if (!goes_on) it->second.answer.deliver(make_fault(fault::draining));
    it = goes_on ? std::next(it) : waiters_.erase(it);
  }
  show();
}

caf::result<adjusted> batch_state::change(const adjust& request) {
  const auto& [concurrency, queue_limit] = request.change;
  if (concurrency && !options_.works) return make_fault(fault::fixed, "concurrency: INLINE_WORKER is 0");
  if (concurrency && (*concurrency < 1 || *concurrency > static_cast<std::int64_t>(max_workers)))
    return make_fault(fault::out_of_range, "concurrency: 1 to 64");
  if (queue_limit && (*queue_limit < 1 || *queue_limit > static_cast<std::int64_t>(max_stage_queue)))
    return make_fault(fault::out_of_range, "queue_limit: 1 to 100000");
  const auto before = board_->of(name);
  if (queue_limit) limit_ = static_cast<std::size_t>(*queue_limit);
  const auto wanted = concurrency ? static_cast<std::size_t>(*concurrency) : before.concurrency;
  board_->configure(name, wanted, limit_);
  if (options_.works) crew_->want(wanted);
  pump();
  return adjusted{board_->of(name)};
}

void batch_state::strike_worker() {
  for (auto& [id, e] : entries_) {
    if (!e.worker) continue;
    self_->send_exit(e.worker, caf::exit_reason::kill);
    return;
  }
  crew_->strike_idle();
}

void batch_state::show() { board_->occupy(name, line_.size(), crew_->busy()); }

}  // namespace lazaret::actors
