#include "actors/report/courier.hpp"

#include <algorithm>

namespace lazaret::actors {

courier_actor::behavior_type courier_state::start(courier_options options, std::shared_ptr<board> figures) {
  options_ = std::move(options);
  board_ = std::move(figures);
  return {
      [this](const deliver& request) {
        if (attempts_.emplace(request.run_id, 0).second) carry(request.run_id);
      },
      [this](const retry_delivery& due) { carry(due.run_id); },
      [this](const wire& w) { queue_ = w.neighbours->queue; },
  };
}

void courier_state::carry(const std::string& run_id) {
  const auto found = attempts_.find(run_id);
  if (found == attempts_.end()) return;
  const auto ended = options_.runs->find(run_id);
  if (!ended) {
    attempts_.erase(found);
    return;
  }
  const auto result = options_.attempt(*ended);
  const int tried = ++found->second;
  if (result.what == delivery_attempt::verdict::retry && tried < options_.max_attempts) {
    board_->meters().webhook("retried");
    auto wait = std::min(options_.first_wait * (1 << (tried - 1)), options_.longest_wait);
    wait = std::max(wait, std::min(result.retry_after, options_.longest_wait));
    self_->delayed_send(self_, wait, retry_delivery{run_id});
    return;
  }
  const bool done = result.what == delivery_attempt::verdict::delivered;
  board_->meters().webhook(done ? "delivered" : "failed");
  attempts_.erase(found);
  self_->send(queue_, delivered{run_id, done ? delivery_status::delivered : delivery_status::failed,
                                done ? std::string{} : result.error});
}

}  // namespace lazaret::actors
