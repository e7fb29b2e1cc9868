#include "actors/queue/queue.hpp"

#include <algorithm>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/at_work.hpp"
#include "actors/caf_fault.hpp"
#include "actors/fault_point.hpp"

namespace lazaret::actors {
namespace {

using std::chrono::system_clock;

constexpr std::array all_stages{work_stage::download, work_stage::execution, work_stage::analysis, work_stage::report};

std::string queue_of(work_stage stage) { return std::string{name(stage)}; }

at_work on(const durable::claim& c) { return at_work{c.name.kind, c.name.id, c.token}; }

bool is_lost(const sandbox::result<settlement>& answer) { return answer && *answer != settlement::done; }

}  // namespace

queue_actor::behavior_type queue_state::start(queue_options options, std::shared_ptr<store> runs,
                                              std::shared_ptr<board> figures) {
  options_ = options;
  store_ = std::move(runs);
  board_ = std::move(figures);
  board_->configure(name, 1, options_.limit);
  for (const auto stage : all_stages) watch(stage);
  self_->delayed_send(self_, options_.lease / 4, renew_leases{});
  show();
  return {
      [this](enqueue& request) { return accept(request); },
      [this](const recognise& question) { return look_up(question); },
      [this](const enlist& stage) { take_on(stage); },
      [this](const demand& stage) { take_on(stage); },
      [this](const begin& started) { mark(started); },
      [this](finish& done) { return record(done); },
      [this](const give_back& lost) { reclaim(lost); },
      [this](const cancel& request) { return end_early(request); },
      [this](const adjust& request) { return limit(request); },
      [this](const look_for_work& at) {
        lane_of(at.stage).poked->store(false);
        hand_out(at.stage);
      },
      [this](renew_leases) {
        renew();
        self_->delayed_send(self_, options_.lease / 4, renew_leases{});
      },
      [this](write_arrivals) { write_all(); },
      [this](const look_at_run& which) { look_at(which.run_id); },
      [this](drain) {
        draining_ = true;
        hand_back_what_waits();
      },
      [](const wire&) {},
  };
}

/// After a drain nobody works on these any more: whoever comes next need not wait for the leases.
queue_state::~queue_state() {
  for (auto& one : arrivals_) one.answer.deliver(make_fault(fault::unavailable, "the queue is being restarted"));
  if (!draining_) return;
  for (const auto& [run_id, e] : held_) static_cast<void>(store_->put_back(e.claim, false));
}

/// The store calls on threads of its own, and must not keep this actor alive.
void queue_state::watch(work_stage stage) {
  auto& l = lane_of(stage);
  caf::weak_actor_ptr weak{self_->ctrl()};
  l.watch = store_->watch_queue(queue_of(stage), [weak, stage, poked = l.poked] {
    if (poked->exchange(true)) return;
    if (const auto strong = weak.lock()) caf::anon_send(caf::actor_cast<queue_actor>(strong), look_for_work{stage});
  });
}

/// What comes after execution is quick. Other nodes may add meanwhile: the bound is of what this one sees.
std::size_t queue_state::room_left() const {
  std::uint64_t open = 0;
  for (const auto stage : {work_stage::download, work_stage::execution}) {
    const auto depth = store_->depth(queue_of(stage));
    if (depth) open += depth->waiting + depth->held;
  }
  const auto most = options_.limit + lanes_[static_cast<std::size_t>(work_stage::execution)].concurrency;
  return most > open ? most - open : 0;
}

caf::result<accepted> queue_state::accept(enqueue& request) {
  if (draining_) return make_fault(fault::draining);
  run fresh;
  fresh.run_id = boost::uuids::to_string(boost::uuids::random_generator{}());
  fresh.asked = std::move(request.what);
  fresh.created_at = system_clock::now();
  // Whoever else is in the mailbox by now is written with it: one wait for the disk for all of them.
  if (arrivals_.empty()) self_->send(self_, write_arrivals{});
  auto answer = self_->make_response_promise<accepted>();
  arrivals_.push_back({std::move(fresh), std::move(request.key), answer});
  return answer;
}

caf::result<recognised> queue_state::look_up(const recognise& question) {
  const auto known = store_->recognise(question.key);
  if (!known) return make_fault(fault::store_away);
  if (!*known) return recognised{};
  if ((*known)->what == durable::admission::kind::conflict) return make_fault(fault::key_reused);
  return recognised{(*known)->id};
}

void queue_state::write_all() {
  auto arrivals = std::exchange(arrivals_, {});
  for (const auto room = room_left(); arrivals.size() > room; arrivals.pop_back())
    arrivals.back().answer.deliver(make_fault(fault::queue_full));
  std::vector<new_run> fresh;
  for (const auto& one : arrivals) fresh.push_back({queued(one.what), one.key});
  LAZARET_FAULT_POINT("accept.write");
  const auto written = store_->add_all(fresh);
  LAZARET_FAULT_POINT("accept.written");
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    auto& answer = arrivals[i].answer;
    if (written[i] && written[i]->what == durable::admission::kind::conflict)
      answer.deliver(make_fault(fault::key_reused));
    else if (written[i])
      answer.deliver(accepted{written[i]->id, written[i]->what == durable::admission::kind::repeated});
    else
      answer.deliver(make_fault(fault::store_away));
  }
  hand_out(work_stage::download);
}

void queue_state::take_on(const enlist& stage) {
  auto& l = lane_of(stage.stage);
  // What this actor's former life had claimed for the stage is nobody's now, but for what the stage still holds.
  if (!l.stage) static_cast<void>(store_->abandon(queue_of(stage.stage)));
  l.stage = caf::actor_cast<stage_actor>(stage.who);
  l.room = static_cast<std::ptrdiff_t>(stage.room);
  l.concurrency = stage.concurrency;
  // What a stage that was restarted held is nobody's now.
  std::erase_if(held_, [&](const auto& pair) {
    const auto& [run_id, e] = pair;
    if (e.at != stage.stage) return false;
    const auto attempt = static_cast<int>(e.claim.token);
    const auto has_it = [&, &id = run_id](const ticket& t) { return t.run_id == id && t.attempt == attempt; };
    if (std::any_of(stage.holding.begin(), stage.holding.end(), has_it)) return false;
    static_cast<void>(store_->put_back(e.claim, false));
    return true;
  });
  for (const auto& t : stage.holding)
    if (!held_.contains(t.run_id)) adopt(t);
  hand_out(stage.stage);
}

/// This actor was restarted and the stage was not: it goes on, with a lease that counts from now. Whether its claim is
/// still good the store will say.
void queue_state::adopt(const ticket& t) {
  auto known = store_->find(t.run_id);
  if (!known || known->finished_at) return;
  durable::claim claim;
  claim.name = {"run", t.run_id};
  claim.queue = queue_of(t.stage);
  claim.token = static_cast<std::uint64_t>(t.attempt);
  if (is_lost(store_->renew(claim, options_.lease))) return self_->send(lane_of(t.stage).stage, abort_run{t.run_id});
  hold(t.run_id, {std::move(claim), std::move(*known), t.stage, true});
}

void queue_state::take_on(const demand& stage) {
  auto& l = lane_of(stage.stage);
  l.room += stage.more;
  l.concurrency = stage.concurrency;
  hand_out(stage.stage);
}

void queue_state::mark(const begin& started) {
  auto* const e = held_by(started.ticket);
  if (e == nullptr) return;
  const auto here = on(e->claim);
  e->begun = true;
  auto now = begun(e->what, e->at);
  const auto written = store_->update(e->claim, now);
  if (is_lost(written)) return drop(started.ticket.run_id);
  LAZARET_FAULT_POINT("queue.begun");
  // A store that can't be written now is met again when the result is recorded; the work need not wait for it.
  e->what = std::move(now.now);
}

caf::result<recorded> queue_state::record(finish& done) {
  auto* const e = held_by(done.ticket);
  if (e == nullptr) return recorded{};
  const auto here = on(e->claim);
  const int retries = e->claim.attempts - 1 - e->claim.deaths - e->claim.losses;
  auto outcome = after(e->what, e->at, std::move(done.result), retries, options_.rules);
  if (e->at == work_stage::download) outcome = or_earlier_verdict(std::move(outcome));
  LAZARET_FAULT_POINT("queue.result");
  const auto written = store_->settle(e->claim, outcome);
  if (!written) return make_fault(fault::store_away);
  if (*written == settlement::done && outcome.now.status == status::completed && outcome.now.analysis)
    board_->meters().verdict(outcome.now.asked.ecosystem, actors::name(outcome.now.analysis->verdict));
  // One that is not remembered is examined again, which is no loss.
  if (*written == settlement::done && options_.reuse.keep.count() > 0 && is_reusable(outcome.now))
    static_cast<void>(
        store_->remember(reuse_key(outcome.now, options_.reuse), outcome.now.run_id, options_.reuse.keep));
  held_.erase(done.ticket.run_id);
  if (const auto next = outcome.queue ? parse<work_stage>(*outcome.queue) : std::nullopt) hand_out(*next);
  show();
  return recorded{};
}

/// Of the same release, asked for in the same way and judged by the same rules within VERDICT_TTL. What can't be read
/// or does not fit is no reason to fail: the run is examined.
step queue_state::or_earlier_verdict(step outcome) try {
  const auto& rules = options_.reuse;
  if (rules.keep.count() == 0 || outcome.now.asked.force || !outcome.now.download ||
      outcome.queue != queue_of(work_stage::execution))
    return outcome;
  const auto key = reuse_key(outcome.now, rules);
  const auto noted = store_->recall(key);
  if (!noted || !*noted) return outcome;
  const auto earlier = store_->find(**noted);
  if (!earlier || !is_reusable(*earlier) || reuse_key(*earlier, rules) != key ||
      system_clock::now() - *earlier->finished_at >= rules.keep)
    return outcome;
  return reusing(std::move(outcome), *earlier);
} catch (const store_unreadable&) {
  return outcome;
}

void queue_state::reclaim(const give_back& lost) {
  auto* const e = held_by(lost.ticket);
  if (e == nullptr) return;
  const auto stage = e->at;
  // If it can't be written, the lease runs out: a loss.
  static_cast<void>(store_->put_back(e->claim, lost.own_deed));
  held_.erase(lost.ticket.run_id);
  hand_out(stage);
}

caf::result<canceled> queue_state::end_early(const cancel& request) {
  run ended;
  const auto how = store_->amend(request.run_id, [&](const run& now) {
    auto last = canceled_early(now);
    if (last) ended = last->now;
    return last;
  });
  if (!how) {
    const bool nobody = how.error().step == "bounds";
    return nobody ? make_fault(fault::unknown_run) : make_fault(fault::store_away);
  }
  if (*how == settlement::gone) return make_fault(fault::unknown_run);
  if (*how == settlement::superseded) return make_fault(fault::already_ended);
  drop(request.run_id);
  return canceled{std::move(ended)};
}

caf::result<adjusted> queue_state::limit(const adjust& request) {
  if (request.change.concurrency) return make_fault(fault::fixed, "concurrency: the queue has one worker");
  if (request.change.queue_limit) {
    options_.limit = static_cast<std::size_t>(*request.change.queue_limit);
    board_->configure(name, 1, options_.limit);
  }
  return adjusted{board_->of(name)};
}

void queue_state::renew() {
  std::vector<std::string> lost;
  overdue_ = false;
  for (const auto& [run_id, e] : held_) {
    const auto answer = store_->renew(e.claim, options_.lease);
    overdue_ = overdue_ || !answer;
    if (is_lost(answer)) lost.push_back(run_id);
  }
  for (const auto& run_id : lost) drop(run_id);
}

/// The poke comes with whatever is told of the run; its end is written by this process or by a cancel().
void queue_state::look_at(const std::string& run_id) try {
  const auto found = held_.find(run_id);
  if (found == held_.end()) return;
  found->second.poked->store(false);
  const auto known = store_->find(run_id);
  if (!known || known->finished_at) drop(run_id);
} catch (const store_unreadable&) {
  // Renewing the lease will tell.
}

/// Those that no worker has begun are as well done by another node.
void queue_state::hand_back_what_waits() {
  std::vector<std::string> waiting;
  for (const auto& [run_id, e] : held_)
    if (!e.begun) waiting.push_back(run_id);
  for (const auto& run_id : waiting) {
    static_cast<void>(store_->put_back(held_.at(run_id).claim, false));
    drop(run_id);
  }
}

void queue_state::drop(const std::string& run_id) {
  const auto found = held_.find(run_id);
  if (found == held_.end()) return;
  if (const auto& stage = lane_of(found->second.at).stage) self_->send(stage, abort_run{run_id});
  held_.erase(found);
  show();
}

void queue_state::hand_out(work_stage stage) {
  auto& l = lane_of(stage);
  // Else what is still being worked on here could be taken again, as the work of somebody who died.
  if (overdue_) renew();
  while (!draining_ && l.stage && l.room > 0) {
    auto taken = store_->take(queue_of(stage), queue_of(stage), static_cast<std::size_t>(l.room), options_.lease);
    if (!taken || taken->empty()) break;  // the store pokes when there is more, or when it can be read again
    for (auto& one : *taken) assign(l, stage, std::move(one));
  }
  show();
}

/// A cancel on another node is to be seen at once, not when the lease is renewed. A run may tell much in a short time:
/// it is looked at four times a second at most.
void queue_state::hold(const std::string& run_id, entry what) {
  constexpr std::chrono::milliseconds gather{250};
  what.watch = store_->subscribe(run_id, [weak = caf::weak_actor_ptr{self_->ctrl()}, run_id, poked = what.poked] {
    if (poked->exchange(true)) return;
    if (const auto strong = weak.lock())
      caf::delayed_anon_send(caf::actor_cast<queue_actor>(strong), gather, look_at_run{run_id});
  });
  held_.insert_or_assign(run_id, std::move(what));
}

void queue_state::assign(lane& to, work_stage stage, held_run one) {
  const auto here = on(one.claim);
  if (auto why = poison(one.claim, options_.poison)) {
    // If it can't be written, the lease runs out, and whoever takes the run next comes here again.
    const auto written = store_->settle(one.claim, poisoned(one.what, stage, std::move(*why), options_.rules));
    if (written && *written == settlement::done) board_->meters().poisoned(actors::name(stage));
    return;
  }
  const ticket t{one.what.run_id, stage, static_cast<int>(one.claim.token)};
  --to.room;
  self_->send(to.stage, assignment{t, std::make_shared<const run>(one.what)});
  one.claim.body.clear();
  LAZARET_FAULT_POINT("queue.assigned");
  hold(t.run_id, {std::move(one.claim), std::move(one.what), stage});
}

void queue_state::show() {
  std::size_t waiting = 0;
  for (const auto stage : all_stages)
    if (const auto depth = store_->depth(queue_of(stage))) waiting += depth->waiting;
  board_->occupy(name, waiting, 0);
}

queue_state::entry* queue_state::held_by(const ticket& t) {
  const auto found = held_.find(t.run_id);
  if (found == held_.end()) return nullptr;
  auto& e = found->second;
  return e.at == t.stage && static_cast<int>(e.claim.token) == t.attempt ? &e : nullptr;
}

}  // namespace lazaret::actors
