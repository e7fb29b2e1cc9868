#include "actors/report/courier.hpp"

#include <algorithm>
#include <caf/send.hpp>

#include "actors/at_work.hpp"
#include "actors/fault_point.hpp"
#include "actors/queue/progress.hpp"

namespace lazaret::actors {
namespace {

constexpr const char* role = "courier";
constexpr std::chrono::milliseconds write_again_after{500};

}  // namespace

courier_actor::behavior_type courier_state::start(courier_options options, std::shared_ptr<board> figures) {
  options_ = std::move(options);
  board_ = std::move(figures);
  if (options_.attempt) {
    static_cast<void>(options_.runs->abandon(role));  // of an actor that was restarted
    caf::weak_actor_ptr weak{self_->ctrl()};
    watch_ = options_.runs->watch_queue(delivery_queue, [weak, poked = poked_] {
      if (poked->exchange(true)) return;
      if (const auto strong = weak.lock()) caf::anon_send(caf::actor_cast<courier_actor>(strong), look_for_reports{});
    });
    self_->send(self_, look_for_reports{});
  }
  return {[this](look_for_reports) {
    poked_->store(false);
    carry();
  }};
}

void courier_state::carry() {
  if (!settle()) return;
  auto taken = options_.runs->take(delivery_queue, role, 1, options_.lease);
  if (!taken || taken->empty()) return;
  const auto& claim = taken->front().claim;
  const at_work here{claim.name.kind, claim.name.id, claim.token};
  unwritten_ = attempt(taken->front());
  LAZARET_FAULT_POINT("delivery.sent");
  if (settle()) self_->send(self_, look_for_reports{});
}

courier_state::outcome courier_state::attempt(held_run& one) {
  if (auto why = poison(one.claim, options_.poison)) {
    board_->meters().webhook("failed");
    return {std::move(one.claim), delivered_with(std::move(one.what), delivery_status::failed, std::move(*why))};
  }
  LAZARET_FAULT_POINT("delivery.taken");
  const auto result = options_.attempt(one.what);
  const int tried = one.claim.attempts;
  if (result.what == delivery_attempt::verdict::retry && tried < options_.max_attempts) {
    board_->meters().webhook("retried");
    auto wait = std::min(options_.first_wait * (1 << std::clamp(tried - 1, 0, 16)), options_.longest_wait);
    wait = std::max(wait, std::min(result.retry_after, options_.longest_wait));
    return {std::move(one.claim), {std::move(one.what), delivery_queue, std::chrono::system_clock::now() + wait, {}}};
  }
  const bool done = result.what == delivery_attempt::verdict::delivered;
  board_->meters().webhook(done ? "delivered" : "failed");
  return {std::move(one.claim),
          delivered_with(std::move(one.what), done ? delivery_status::delivered : delivery_status::failed,
                         done ? std::string{} : result.error)};
}

bool courier_state::settle() {
  if (unwritten_ && !options_.runs->settle(unwritten_->claim, unwritten_->now)) {
    self_->delayed_send(self_, write_again_after, look_for_reports{});
    return false;
  }
  if (unwritten_) LAZARET_FAULT_POINT("delivery.settled");
  unwritten_.reset();
  return true;
}

}  // namespace lazaret::actors
