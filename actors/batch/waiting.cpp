/// The batch stage's other half: who waits for a job's end or wants it, on whichever node it runs.

#include <algorithm>

#include "actors/batch/batch.hpp"
#include "actors/caf_fault.hpp"

namespace lazaret::actors {
namespace {

using durable::settlement;
using std::chrono::system_clock;

caf::error store_away() { return make_fault(fault::store_away); }

batch::job canceled_now(batch::job j) {
  j.status = batch::status::canceled;
  j.finished_at = system_clock::now();
  j.exit_code.reset();
  j.error.clear();
  return j;
}

}  // namespace

batch_state::promise batch_state::wait_for(const std::string& id, bool cancels,
                                           std::optional<std::chrono::milliseconds> within) {
  const auto number = ++last_waiter_;
  auto& w = waiters_[number];
  w.id = id;
  w.cancels = cancels;
  w.answer = self_->make_response_promise<job_state>();
  w.watch = options_.jobs->watch(id, look_later(id));
  if (within) self_->delayed_send(self_, *within, expire_wait{number});
  return w.answer;
}

/// Here it is stopped; one that waits is ended where it is; who holds it elsewhere is asked to, so that what it printed
/// is kept, and is overruled when it doesn't.
caf::result<job_state> batch_state::end_early(const cancel_job& request) {
  const auto& id = request.id;
  if (const auto e = in_hand(id); e != entries_.end()) {
    if (e->concluded) return make_fault(fault::already_ended);
    auto answer = wait_for(id, true, {});
    e->canceled = true;
    e->stop.request_stop();
    if (!e->worker) conclude(e, {});
    return answer;
  }
  batch::job ended;
  bool runs = false;
  const auto how = options_.jobs->end(id, [&](const batch::job& now) -> std::optional<batch::job> {
    runs = now.status == batch::status::running;
    if (runs || batch::has_ended(now.status)) return {};
    return ended = canceled_now(now);
  });
  if (!how) return store_away();
  if (*how == settlement::gone) return make_fault(fault::unknown_job);
  if (*how == settlement::done) {
    answer_waiters(ended);
    show();
    return job_state{std::make_shared<const batch::job>(std::move(ended))};
  }
  if (!runs) return make_fault(fault::already_ended);
  auto answer = wait_for(id, true, options_.cancel_patience);
  static_cast<void>(options_.jobs->ask_to_cancel(id));
  return answer;
}

caf::result<job_state> batch_state::await(const await_job& request) {
  auto answer = wait_for(request.id, false, request.within);
  const auto number = last_waiter_;
  auto known = options_.jobs->find(request.id);  // after the watch: nothing is missed in between
  if (known && *known && !batch::has_ended((*known)->status)) return answer;
  if (!known)
    answer.deliver(store_away());
  else if (!*known)
    answer.deliver(make_fault(fault::unknown_job));
  else
    answer.deliver(job_state{std::make_shared<const batch::job>(std::move(**known))});
  waiters_.erase(number);
  return answer;
}

/// The store says that there is news of that job.
void batch_state::look_at(const std::string& id) {
  if (const auto e = in_hand(id); e != entries_.end() && !e->canceled && !e->concluded) {
    // What can't be asked now is asked with the next poke; a claim that is void is found by its renewal.
    if (const auto asked = options_.jobs->is_asked_to_cancel(id); asked && *asked) {
      e->canceled = true;
      e->stop.request_stop();
    }
  }
  if (std::ranges::none_of(waiters_, [&](const auto& pair) { return pair.second.id == id; })) return;
  const auto now = options_.jobs->find(id);
  if (now && *now && batch::has_ended((*now)->status)) answer_waiters(**now);
}

void batch_state::answer_waiters(const batch::job& ended) {
  const auto now = std::make_shared<const batch::job>(ended);
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    auto& w = it->second;
    const bool mine = w.id == ended.id;
    if (mine && w.cancels && ended.status != batch::status::canceled)
      w.answer.deliver(make_fault(fault::already_ended));
    else if (mine)
      w.answer.deliver(job_state{now});
    it = mine ? waiters_.erase(it) : std::next(it);
  }
}

void batch_state::expire(const expire_wait& late) {
  const auto found = waiters_.find(late.number);
  if (found == waiters_.end()) return;
  if (found->second.cancels) return end_elsewhere(found->second);
  found->second.answer.deliver(make_fault(fault::too_late));
  waiters_.erase(found);
}

/// Its node does not answer: it may be dead, and if it isn't, nothing that it makes of the job counts any more.
void batch_state::end_elsewhere(waiter& asker) {
  batch::job ended;
  const auto how = options_.jobs->end(asker.id, [&](const batch::job& now) -> std::optional<batch::job> {
    ended = now;
    if (batch::has_ended(now.status)) return {};
    return ended = canceled_now(now);
  });
  if (how && *how != settlement::gone) return answer_waiters(ended);
  asker.answer.deliver(how ? make_fault(fault::unknown_job) : store_away());
  std::erase_if(waiters_, [&](const auto& pair) { return &pair.second == &asker; });
}

}  // namespace lazaret::actors
