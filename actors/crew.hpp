#pragma once
/// The workers of one stage: made when there is something to do, kept while so many are wanted, replaced with a growing
/// wait when they die. Part of the stage's state; used on its thread only.

#include <algorithm>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <functional>
#include <string>
#include <vector>

#include "actors/board.hpp"
#include "actors/messages.hpp"
#include "actors/restart_budget.hpp"

namespace lazaret::actors {

/// `Pointer`: the stage's actor, which must take `replenish`. `Worker`: a detached actor's handle.
template <class Pointer, class Worker>
class crew {
 public:
  using maker = std::function<Worker()>;

  crew(Pointer self, std::string stage, board& figures, const restart_policy& policy, maker make)
      : self_{self}, stage_{std::move(stage)}, board_{figures}, budget_{policy}, make_{std::move(make)} {}
  /// Those that wait for work go; a busy one is its task's to end.
  ~crew() {
    for (const auto& w : idle_) caf::anon_send_exit(w, caf::exit_reason::user_shutdown);
  }
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;

  /// How many more could be taken.
  [[nodiscard]] std::size_t room() const noexcept { return wanted_ - std::min(wanted_, busy_ + resting_); }
  [[nodiscard]] bool has_room() const noexcept { return room() > 0; }
  [[nodiscard]] std::size_t busy() const noexcept { return busy_; }
  [[nodiscard]] std::size_t wanted() const noexcept { return wanted_; }

  /// Surplus workers go: idle ones at once, busy ones when they are done.
  void want(std::size_t count) {
    wanted_ = count;
    while (!idle_.empty() && busy_ + idle_.size() > wanted_) {
      dismiss(idle_.back());
      idle_.pop_back();
    }
  }
  /// A worker, busy from now on. Ask has_room() first.
  [[nodiscard]] Worker take() {
    ++busy_;
    if (!idle_.empty()) {
      auto w = std::move(idle_.back());
      idle_.pop_back();
      return w;
    }
    auto w = make_();
    self_->monitor(w);
    return w;
  }
  /// It has done what it was taken for.
  void give_back(const Worker& w) {
    --busy_;
    if (busy_ + idle_.size() + resting_ < wanted_)
      idle_.push_back(w);
    else
      dismiss(w);
  }
  /// One of them died: `replenish` comes when another may stand in for it.
  void bury(const caf::actor_addr& who, bool was_busy) {
    std::erase_if(idle_, [&](const Worker& w) { return w.address() == who; });
    if (was_busy) --busy_;
    board_.meters().stage_restarted(stage_);
    ++resting_;
    const auto now = restart_budget::clock::now();
    const auto wait = budget_.spend(now);
    if (budget_.exhausted(now)) board_.healthy(stage_, false);
    self_->delayed_send(self_, wait, replenish{});
  }
  void refill() {
    if (resting_ > 0) --resting_;
    if (resting_ == 0) board_.healthy(stage_, true);
  }
  /// Fault injection: ends an idle one.
  void strike_idle() {
    if (!idle_.empty()) self_->send_exit(idle_.back(), caf::exit_reason::kill);
  }

 private:
  void dismiss(const Worker& w) {
    self_->demonitor(w.address());
    self_->send_exit(w, caf::exit_reason::user_shutdown);
  }

  Pointer self_;
  std::string stage_;
  board& board_;
  restart_budget budget_;
  maker make_;
  std::vector<Worker> idle_;
  std::size_t wanted_ = 1, busy_ = 0, resting_ = 0;
};

}  // namespace lazaret::actors
