#include "actors/interactive/interactive.hpp"

#include <algorithm>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/caf_fault.hpp"
#include "actors/stage.hpp"

namespace lazaret::actors {
namespace {

using std::chrono::steady_clock;

/// A name for the pair; no key holds a NUL.
std::string pair_of(const claimant& who) { return who.key + std::string(1, '\0') + who.address; }

}  // namespace

interactive_state::tally::standing interactive_state::tally::of(const claimant& who) const {
  return {at(keys_, who.key), at(both_, pair_of(who))};
}

std::size_t interactive_state::tally::of_address(const std::string& address) const { return at(addresses_, address); }

void interactive_state::tally::add(const claimant& who) {
  ++keys_[who.key], ++addresses_[who.address], ++both_[pair_of(who)];
}

void interactive_state::tally::remove(const claimant& who) {
  less(keys_, who.key), less(addresses_, who.address), less(both_, pair_of(who));
}

void interactive_state::tally::less(counts& all, const std::string& name) {
  if (--all[name] == 0) all.erase(name);
}

std::size_t interactive_state::tally::at(const counts& all, const std::string& name) {
  const auto found = all.find(name);
  return found == all.end() ? 0 : found->second;
}

runner_actor::behavior_type runner(runner_actor::pointer self, perform_function work) {
  return {[self, work = std::move(work)](const run_one& one) {
    auto done = work(*one.what, one.stop);
    const auto asker = caf::actor_cast<interactive_actor>(self->current_sender());
    if (asker) self->send(asker, ran_by{one.id, std::move(done)});
  }};
}

interactive_actor::behavior_type interactive_state::start(interactive_options options, std::shared_ptr<board> figures) {
  options_ = std::move(options);
  board_ = std::move(figures);
  crew_ = std::make_unique<crew<interactive_actor::stateful_pointer<interactive_state>, runner_actor>>(
      self_, name, *board_, options_.restarts, [this] { return self_->spawn<caf::detached>(runner, options_.work); });
  const auto settings = board_->of(name);
  crew_->want(settings.concurrency);
  limit_ = settings.queue_limit;
  self_->set_down_handler([this](const caf::down_msg& down) { replace(down); });
  show();
  return {
      [this](run_now& request) { return accept(request); },
      [this](const check_room& request) { return check(request); },
      [this](ran_by& done) { complete(done); },
      [this](const expire_errand& late) { expire(late.id); },
      [this](const adjust& request) { return change(request); },
      [this](const strike&) { strike_worker(); },
      [this](replenish) {
        crew_->refill();
        pump();
      },
      [this](drain) { close(); },
  };
}

interactive_state::~interactive_state() {
  for (auto& [id, one] : errands_) {
    refuse(one, fault::unavailable, "the stage is being restarted");
    if (one.worker) caf::anon_send_exit(one.worker, caf::exit_reason::user_shutdown);
  }
}

caf::result<ran> interactive_state::accept(run_now& request) {
  if (draining_) return make_fault(fault::draining);
  forget_who_left();
  if (line_.size() >= limit_) {
    const auto displaced = find_displaced(request.who);
    if (displaced == 0) {
      board_->meters().interactive_refused("full");
      return make_fault(fault::queue_full);
    }
    drop_waiting(displaced, fault::queue_full, "", "displaced");
  }
  const auto id = ++last_;
  auto answer = self_->make_response_promise<ran>();
  errands_.emplace(id, errand{std::move(request), answer, {}, steady_clock::now()});
  line_.push_back(id);
  pump();
  if (!line_.empty()) self_->delayed_send(self_, options_.patience, expire_errand{id});
  return answer;
}

caf::result<room_checked> interactive_state::check(const check_room& request) {
  if (draining_) return make_fault(fault::draining);
  forget_who_left();
  if (line_.size() < limit_ || find_displaced(request.who) != 0) return room_checked{};
  board_->meters().interactive_refused("full");
  return make_fault(fault::queue_full);
}

bool interactive_state::may_begin(const claimant& who) const {
  const auto& [of_all, of_key] = std::pair{options_.per_address, options_.per_key};
  return (of_all == 0 || in_hand_.of_address(who.address) < of_all) &&
         (of_key == 0 || who.key.empty() || in_hand_.of(who).key < of_key);
}

void interactive_state::pump() {
  forget_who_left();
  while (!line_.empty() && crew_->has_room()) {
    auto next = line_.end();
    for (auto at = line_.begin(); at != line_.end(); ++at) {
      const auto& who = errands_.at(*at).what.who;
      if (!may_begin(who)) continue;
      if (next == line_.end() || in_hand_.of(who) < in_hand_.of(errands_.at(*next).what.who)) next = at;
    }
    if (next == line_.end()) break;  // whoever waits has their limit in hand
    auto& one = errands_.at(*next);
    one.worker = crew_->take();
    one.since = steady_clock::now();
    in_hand_.add(one.what.who);
    self_->send(one.worker, run_one{*next, one.what.what, one.what.stop});
    line_.erase(next);
  }
  show();
}

/// Of the key with the most in the line, or of the claimant's own, the newest of the address with the most: where that
/// is more than the claimant would then have.
std::uint64_t interactive_state::find_displaced(const claimant& by) const {
  tally waiting;
  for (const auto id : line_) waiting.add(errands_.at(id).what.who);
  waiting.add(by);
  const auto mine = waiting.of(by);
  std::uint64_t displaced = 0;
  tally::standing most;
  for (const auto id : line_) {
    const auto& who = errands_.at(id).what.who;
    const auto has = waiting.of(who);
    const bool has_more = who.key == by.key ? has.address > mine.address : has.key > mine.key;
    if (has_more && has >= most) displaced = id, most = has;
  }
  return displaced;
}

void interactive_state::drop_waiting(std::uint64_t id, fault why, const char* detail, std::string_view reason) {
  refuse(errands_.at(id), why, detail);
  errands_.erase(id);
  std::erase(line_, id);
  board_->meters().interactive_refused(reason);
}

/// Whoever went away while waiting gives their place to somebody who is there.
void interactive_state::forget_who_left() {
  std::erase_if(line_, [this](auto id) {
    const auto found = errands_.find(id);
    if (!found->second.what.stop.stop_requested()) return false;
    refuse(found->second, fault::unavailable, "the client went away");
    errands_.erase(found);
    board_->meters().interactive_refused("left");
    return true;
  });
}

void interactive_state::complete(ran_by& done) {
  const auto found = errands_.find(done.id);
  if (found == errands_.end() || !found->second.worker) return;
  auto& one = found->second;
  const bool failed = !done.result;
  board_->meters().stage_finished(name,
                                  one.what.stop.stop_requested() ? "canceled"
                                  : failed                       ? "failed"
                                                                 : "done",
                                  steady_clock::now() - one.since);
  const auto worker = one.worker;
  if (failed)
    refuse(one, fault::unavailable, "");
  else
    one.answer.deliver(ran{std::move(done.result)});
  in_hand_.remove(one.what.who);
  errands_.erase(found);
  crew_->give_back(worker);
  pump();
}

void interactive_state::expire(std::uint64_t id) {
  const auto found = errands_.find(id);
  if (found == errands_.end() || found->second.worker) return;
  drop_waiting(id, fault::queue_full, "", "waited");
  show();
}

/// A worker died. What it ran is lost: it was to run at once or not at all.
void interactive_state::replace(const caf::down_msg& down) {
  const auto found = std::find_if(errands_.begin(), errands_.end(), [&](const auto& entry) {
    return entry.second.worker && entry.second.worker.address() == down.source;
  });
  crew_->bury(down.source, found != errands_.end());
  if (found != errands_.end()) {
    auto& one = found->second;
    board_->meters().stage_finished(name, "crashed", steady_clock::now() - one.since);
    refuse(one, fault::unavailable, "");
    in_hand_.remove(one.what.who);
    errands_.erase(found);
  }
  show();
}

caf::result<adjusted> interactive_state::change(const adjust& request) {
  if (auto wrong = actors::check(request.change)) return wrong;
  if (request.change.concurrency) crew_->want(static_cast<std::size_t>(*request.change.concurrency));
  if (request.change.queue_limit) limit_ = static_cast<std::size_t>(*request.change.queue_limit);
  board_->configure(name, crew_->wanted(), limit_);
  pump();
  return adjusted{board_->of(name)};
}

void interactive_state::strike_worker() {
  for (const auto& [id, one] : errands_) {
    if (one.worker) return self_->send_exit(one.worker, caf::exit_reason::kill);
  }
  crew_->strike_idle();
}

/// What is in hand goes on; who waits is told at once.
void interactive_state::close() {
  draining_ = true;
  for (const auto id : line_) {
    refuse(errands_.at(id), fault::draining, "");
    errands_.erase(id);
  }
  line_.clear();
  show();
}

void interactive_state::refuse(errand& whose, fault why, const char* detail) {
  whose.answer.deliver(make_fault(why, detail));
}

void interactive_state::show() { board_->occupy(name, line_.size(), crew_->busy()); }

}  // namespace lazaret::actors
