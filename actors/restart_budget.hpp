#pragma once
/// How often something that fails may be started again, and how soon. Pure: the caller tells the time. Not thread-safe.
/// One-for-one supervision as in Erlang/OTP's supervisor (intensity and period), with exponential backoff between
/// starts.

#include <chrono>
#include <cstddef>
#include <deque>

namespace lazaret::actors {

struct restart_policy {
  /// Restarts within `period` before the stage is reported unhealthy. It is still restarted then, at `slowest`.
  std::size_t intensity = 10;
  std::chrono::milliseconds period{60'000};
  std::chrono::milliseconds soonest{10};
  std::chrono::milliseconds slowest{5'000};
};

class restart_budget {
 public:
  using clock = std::chrono::steady_clock;

  explicit restart_budget(restart_policy policy = {}) : policy_{policy} {}

  /// A failure at `now`: how long to wait before the restart. Doubles from `soonest` with each failure in the period.
  std::chrono::milliseconds spend(clock::time_point now) {
    forget(now);
    auto wait = policy_.soonest;
    for (std::size_t n = 0; n < failures_.size() && wait < policy_.slowest; ++n) wait *= 2;
    failures_.push_back(now);
    return exhausted(now) ? policy_.slowest : std::min(wait, policy_.slowest);
  }

  [[nodiscard]] bool exhausted(clock::time_point now) {
    forget(now);
    return failures_.size() > policy_.intensity;
  }

 private:
  void forget(clock::time_point now) {
    while (!failures_.empty() && now - failures_.front() > policy_.period) failures_.pop_front();
  }

  restart_policy policy_;
  std::deque<clock::time_point> failures_;
};

}  // namespace lazaret::actors
