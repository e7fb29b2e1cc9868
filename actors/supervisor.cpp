#include "actors/supervisor.hpp"

#include <algorithm>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include "actors/caf_fault.hpp"

namespace lazaret::actors {
namespace {

constexpr std::array children{"queue",  "rate_limit", "ingress",     "download", "execution", "analysis",
                              "report", "courier",    "interactive", "batch",    "janitor"};

/// Calls `f` with the handle that stands for `who`.
template <class Topology, class F>
void with_handle(Topology& t, const std::string& who, const F& f) {
  if (who == "ingress") f(t.ingress);
  if (who == "rate_limit") f(t.rate_limit);
  if (who == "queue") f(t.queue);
  if (who == "courier") f(t.courier);
  if (who == "interactive") f(t.interactive);
  if (who == "batch") f(t.batch);
  if (who == "janitor") f(t.janitor);
  if (const auto stage = parse<work_stage>(who)) f(t.work[static_cast<std::size_t>(*stage)]);
}

}  // namespace

supervisor_actor::behavior_type supervisor_state::start(supervisor_options options) {
  options_ = std::move(options);
  self_->set_down_handler([this](const caf::down_msg& down) { mourn(down); });
  for (const std::string who : children) {
    if (options_.absent.contains(who) || (who == batch_state::name && !options_.batch.jobs)) continue;
    budgets_.emplace(who, restart_budget{options_.restarts});
    raise(who);
  }
  introduce();
  return {
      [this](submit& request) { return self_->delegate(now_.ingress, std::move(request)); },
      [this](cancel& request) { return self_->delegate(now_.queue, std::move(request)); },
      [this](run_now& request) -> caf::result<ran> {
        if (!now_.interactive) return make_fault(fault::not_here);
        return self_->delegate(now_.interactive, std::move(request));
      },
      [this](check_room& request) -> caf::result<room_checked> {
        if (!now_.interactive) return make_fault(fault::not_here);
        return self_->delegate(now_.interactive, std::move(request));
      },
      [this](commit_job& request) { return self_->delegate(now_.batch, std::move(request)); },
      [this](cancel_job& request) { return self_->delegate(now_.batch, std::move(request)); },
      [this](await_job& request) { return self_->delegate(now_.batch, std::move(request)); },
      [this](adjust& request) -> caf::result<adjusted> {
        if (options_.absent.contains(request.stage)) return make_fault(fault::not_here);
        if (request.stage == "batch" && now_.batch) return self_->delegate(now_.batch, std::move(request));
        if (request.stage == "interactive") return self_->delegate(now_.interactive, std::move(request));
        if (request.stage == "queue") return self_->delegate(now_.queue, std::move(request));
        if (const auto stage = parse<work_stage>(request.stage)) {
          return self_->delegate(now_.of(*stage), std::move(request));
        }
        const bool known =
            std::find(metrics::stages.begin(), metrics::stages.end(), request.stage) != metrics::stages.end();
        return known ? make_fault(fault::fixed, "concurrency and queue_limit of " + request.stage + " are fixed")
                     : make_fault(fault::unknown_stage);
      },
      [this](const strike& target) { hit(target); },
      [this](drain) {
        draining_ = true;
        self_->send(now_.ingress, drain{});
        self_->send(now_.queue, drain{});
        if (now_.interactive) self_->send(now_.interactive, drain{});
        if (now_.batch) self_->send(now_.batch, drain{});
      },
      [this](const revive& due) {
        raise(due.name);
        introduce();
      },
      [this](const reassess& due) {
        if (!budgets_.at(due.name).exhausted(restart_budget::clock::now())) {
          options_.figures->healthy(health_row(due.name), true);
        }
      },
  };
}

/// The shutdown sequence: intake first, then the stages with their workers, the queue (the writer) last.
supervisor_state::~supervisor_state() {
  for (const auto* const who : {"ingress", "rate_limit", "interactive", "batch", "download", "execution", "analysis",
                                "report", "courier", "janitor", "queue"}) {
    with_handle(now_, who, [](const auto& handle) {
      if (handle) caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    });
  }
}

void supervisor_state::raise(const std::string& who) {
  const auto watch = [this](auto& place, auto&& handle) {
    place = std::forward<decltype(handle)>(handle);
    self_->monitor(place);
  };
  const auto& o = options_;
  if (who == "ingress") {
    watch(now_.ingress,
          self_->spawn([options = o.ingress, figures = o.figures](ingress_actor::stateful_pointer<ingress_state> self) {
            return self->state.start(options, figures);
          }));
    if (draining_) self_->send(now_.ingress, drain{});
  } else if (who == "rate_limit") {
    watch(now_.rate_limit, self_->spawn([options = o.rate_limit, figures = o.figures](
                                            rate_limit_actor::stateful_pointer<rate_limit_state> self) {
      return self->state.start(options, figures);
    }));
  } else if (who == "queue") {
    // A limit that was changed while it ran is on the board.
    auto options = o.queue;
    if (const auto known = o.figures->of("queue").queue_limit; known > 0) options.limit = known;
    watch(now_.queue, self_->spawn<caf::detached>([options, runs = o.runs, figures = o.figures](
                                                      queue_actor::stateful_pointer<queue_state> self) {
      return self->state.start(options, runs, figures);
    }));
    if (draining_) self_->send(now_.queue, drain{});
  } else if (who == "courier") {
    watch(now_.courier, self_->spawn<caf::detached>([options = o.courier, figures = o.figures](
                                                        courier_actor::stateful_pointer<courier_state> self) {
      return self->state.start(options, figures);
    }));
  } else if (who == "janitor") {
    watch(now_.janitor, self_->spawn<caf::detached>([options = o.janitor, figures = o.figures](
                                                        janitor_actor::stateful_pointer<janitor_state> self) {
      return self->state.start(options, figures);
    }));
  } else if (who == "interactive") {
    watch(now_.interactive, self_->spawn([options = o.interactive, figures = o.figures](
                                             interactive_actor::stateful_pointer<interactive_state> self) {
      return self->state.start(options, figures);
    }));
    if (draining_) self_->send(now_.interactive, drain{});
  } else if (who == "batch") {
    watch(now_.batch, self_->spawn<caf::detached>(
                          [options = o.batch, figures = o.figures](batch_actor::stateful_pointer<batch_state> self) {
                            return self->state.start(options, figures);
                          }));
    if (draining_) self_->send(now_.batch, drain{});
  } else if (const auto stage = parse<work_stage>(who)) {
    const auto place = static_cast<std::size_t>(*stage);
    stage_options options{*stage, o.work[place], o.restarts};
    watch(now_.work[place],
          self_->spawn([options, figures = o.figures](stage_actor::stateful_pointer<stage_state> self) {
            return self->state.start(options, figures);
          }));
  }
}

void supervisor_state::introduce() {
  const wire news{std::make_shared<const topology>(now_)};
  self_->send(now_.queue, news);
  self_->send(now_.ingress, news);
  for (const auto& stage : now_.work)
    if (stage) self_->send(stage, news);
}

void supervisor_state::mourn(const caf::down_msg& down) {
  const auto who = who_was(down.source);
  if (who.empty()) return;
  const auto row = health_row(who);
  if (row.empty())
    options_.figures->meters().janitor_restarted();
  else
    options_.figures->meters().stage_restarted(row);
  auto& budget = budgets_.at(who);
  const auto now = restart_budget::clock::now();
  const auto wait = budget.spend(now);
  if (budget.exhausted(now) && !row.empty()) {
    options_.figures->healthy(row, false);
    self_->delayed_send(self_, options_.restarts.period + std::chrono::seconds{1}, reassess{who});
  }
  self_->delayed_send(self_, wait, revive{who});
}

void supervisor_state::hit(const strike& target) {
  if (options_.absent.contains(target.name)) return;
  if (target.worker) {
    if (const auto stage = parse<work_stage>(target.name)) self_->send(now_.of(*stage), target);
    if (target.name == interactive_state::name) self_->send(now_.interactive, target);
    if (target.name == batch_state::name && now_.batch) self_->send(now_.batch, target);
    return;
  }
  with_handle(now_, target.name, [this](const auto& handle) {
    if (handle) self_->send_exit(handle, caf::exit_reason::kill);
  });
}

std::string supervisor_state::who_was(const caf::actor_addr& address) const {
  std::string found;
  for (const auto* const who : children) {
    with_handle(now_, who, [&](const auto& handle) {
      if (handle && handle.address() == address) found = who;
    });
  }
  return found;
}

/// The courier is part of the report stage. Without the janitor the work goes on.
std::string supervisor_state::health_row(const std::string& who) {
  if (who == janitor_state::name) return {};
  return who == courier_state::name ? "report" : who;
}

}  // namespace lazaret::actors
