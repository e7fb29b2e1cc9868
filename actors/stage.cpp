#include "actors/stage.hpp"

#include <algorithm>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/at_work.hpp"
#include "actors/caf_fault.hpp"
#include "actors/fault_point.hpp"
#include "actors/run_document.hpp"

namespace lazaret::actors {
namespace {

using std::chrono::steady_clock;

// The queue answers when the result is on disk; a stuck disk must not let results pile up in the mailbox unseen.
constexpr std::chrono::seconds record_time_out{10};
constexpr std::chrono::milliseconds resend_after{500};

std::string_view outcome_of(const stage_result& result, bool stopped) {
  if (stopped) return "canceled";
  return std::holds_alternative<stage_failure>(result) ? "failed" : "done";
}

}  // namespace

bool fell_by_itself(const caf::down_msg& down) { return down.reason != caf::exit_reason::kill; }

worker_actor::behavior_type worker(worker_actor::pointer self, work_function work) {
  return {[self, work = std::move(work)](const job& j) {
    const at_work mine{run_kind, j.ticket.run_id, static_cast<std::uint64_t>(j.ticket.attempt)};
    auto result = work(j);
    const auto asker = caf::actor_cast<stage_actor>(self->current_sender());
    if (asker) self->send(asker, job_done{j.ticket, std::move(result)});
  }};
}

stage_actor::behavior_type stage_state::start(stage_options options, std::shared_ptr<board> figures) {
  options_ = std::move(options);
  board_ = std::move(figures);
  name = actors::name(options_.stage).data();  // a literal, so it ends where it should
  crew_ = std::make_unique<crew<stage_actor::stateful_pointer<stage_state>, worker_actor>>(
      self_, name, *board_, options_.restarts, [this] { return self_->spawn<caf::detached>(worker, options_.work); });
  const auto settings = board_->of(name);
  crew_->want(settings.concurrency);
  limit_ = settings.queue_limit;
  self_->set_down_handler([this](const caf::down_msg& down) { replace(down); });
  show();
  return {
      [this](assignment& work) { accept(work); },
      [this](const abort_run& run) { abort(run.run_id); },
      [this](job_done& done) { complete(done); },
      [this](const adjust& request) { return change(request); },
      [this](const strike&) { strike_worker(); },
      [this](const resend& late) { confirm(late.ticket); },
      [this](replenish) {
        crew_->refill();
        pump();
      },
      [this](const wire& w) { meet(w); },
  };
}

/// Ends with its workers: a detached actor that nobody ends keeps the whole system from ending.
stage_state::~stage_state() {
  for (auto& [run_id, t] : tasks_) {
    t.stop.request_stop();
    if (t.worker) caf::anon_send_exit(t.worker, caf::exit_reason::user_shutdown);
  }
}

void stage_state::meet(const wire& w) {
  if (queue_ == w.neighbours->queue) return;
  queue_ = w.neighbours->queue;
  enlist me{caf::actor_cast<caf::strong_actor_ptr>(self_), options_.stage, {}, room(), crew_->wanted()};
  for (const auto& waiting : buffer_) me.holding.push_back(waiting.ticket);
  for (const auto& [run_id, t] : tasks_) me.holding.push_back(t.what.ticket);
  self_->send(queue_, std::move(me));
  for (auto& [run_id, t] : tasks_) {
    if (t.result) self_->send(self_, resend{t.what.ticket});
  }
}

void stage_state::accept(assignment& work) {
  buffer_.push_back(std::move(work));
  pump();
}

void stage_state::pump() {
  while (!buffer_.empty() && crew_->has_room()) {
    auto next = std::move(buffer_.front());
    buffer_.pop_front();
    const auto run_id = next.ticket.run_id;
    if (const auto old = tasks_.find(run_id); old != tasks_.end()) {
      // An aborted attempt at the same run is still winding down; its result is void.
      old->second.stop.request_stop();
      if (old->second.worker) {
        buffer_.push_back(std::move(next));
        break;
      }
      tasks_.erase(old);
    }
    begin_task(tasks_.emplace(run_id, task{std::move(next), {}, {}, {}, {}}).first->second);
  }
  show();
}

void stage_state::begin_task(task& t) {
  t.worker = crew_->take();
  t.began = steady_clock::now();
  self_->send(queue_, begin{t.what.ticket});
  self_->send(t.worker, job{t.what.ticket, t.what.what, t.stop.get_token()});
}

void stage_state::complete(job_done& done) {
  const auto found = tasks_.find(done.ticket.run_id);
  if (found == tasks_.end() || found->second.what.ticket != done.ticket || !found->second.worker) return;
  auto& t = found->second;
  board_->meters().stage_finished(name, outcome_of(done.result, t.stop.stop_requested()),
                                  steady_clock::now() - t.began);
  if (!t.stop.stop_requested()) board_->took(name, steady_clock::now() - t.began);
  crew_->give_back(t.worker);
  t.worker = nullptr;
  t.result = std::move(done.result);
  LAZARET_FAULT_POINT("stage.result");
  confirm(done.ticket);
  pump();
}

/// Keeps the result until the queue says that it is on disk.
void stage_state::confirm(const ticket& t) {
  const auto found = tasks_.find(t.run_id);
  if (found == tasks_.end() || found->second.what.ticket != t || !found->second.result) return;
  self_->request(queue_, record_time_out, finish{t, *found->second.result})
      .then([this, t](recorded) { forget(t); },
            [this, t](const caf::error&) { self_->delayed_send(self_, resend_after, resend{t}); });
}

void stage_state::forget(const ticket& t) {
  const auto found = tasks_.find(t.run_id);
  if (found == tasks_.end() || found->second.what.ticket != t) return;
  LAZARET_FAULT_POINT("stage.recorded");
  tasks_.erase(found);
  self_->send(queue_, demand{options_.stage, 1, crew_->wanted()});
  pump();
}

void stage_state::replace(const caf::down_msg& down) {
  const auto found = std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
    return entry.second.worker && entry.second.worker.address() == down.source;
  });
  crew_->bury(down.source, found != tasks_.end());
  if (found != tasks_.end()) {
    auto& t = found->second;
    t.stop.request_stop();
    board_->meters().stage_finished(name, "crashed", steady_clock::now() - t.began);
    const auto lost = t.what.ticket;
    tasks_.erase(found);
    self_->send(queue_, give_back{lost, fell_by_itself(down)});
    self_->send(queue_, demand{options_.stage, 1, crew_->wanted()});
  }
  show();
}

void stage_state::abort(const std::string& run_id) {
  if (const auto found = tasks_.find(run_id); found != tasks_.end()) found->second.stop.request_stop();
  const auto gone = std::erase_if(buffer_, [&](const assignment& waiting) { return waiting.ticket.run_id == run_id; });
  if (gone > 0) self_->send(queue_, demand{options_.stage, static_cast<std::ptrdiff_t>(gone), crew_->wanted()});
  show();
}

caf::error check(const stage_change& wanted) {
  const auto in_range = [](const std::optional<std::int64_t>& value, std::size_t most) {
    return !value || (*value >= 1 && *value <= static_cast<std::int64_t>(most));
  };
  if (!in_range(wanted.concurrency, max_workers)) return make_fault(fault::out_of_range, "concurrency: 1 to 64");
  if (!in_range(wanted.queue_limit, max_stage_queue))
    return make_fault(fault::out_of_range, "queue_limit: 1 to 100000");
  return {};
}

caf::result<adjusted> stage_state::change(const adjust& request) {
  if (auto wrong = check(request.change)) return wrong;
  const auto before = static_cast<std::ptrdiff_t>(crew_->wanted() + limit_);
  if (request.change.concurrency) crew_->want(static_cast<std::size_t>(*request.change.concurrency));
  if (request.change.queue_limit) limit_ = static_cast<std::size_t>(*request.change.queue_limit);
  board_->configure(name, crew_->wanted(), limit_);
  const auto now = static_cast<std::ptrdiff_t>(crew_->wanted() + limit_);
  self_->send(queue_, demand{options_.stage, now - before, crew_->wanted()});
  pump();
  return adjusted{board_->of(name)};
}

void stage_state::strike_worker() {
  for (const auto& [run_id, t] : tasks_) {
    if (t.worker) return self_->send_exit(t.worker, caf::exit_reason::kill);
  }
  crew_->strike_idle();
}

std::size_t stage_state::room() const {
  const auto held = buffer_.size() + tasks_.size();
  const auto most = crew_->wanted() + limit_;
  return most > held ? most - held : 0;
}

void stage_state::show() { board_->occupy(name, buffer_.size(), crew_->busy()); }

}  // namespace lazaret::actors
