#pragma once
/// Fixed window per client address: at most `limit` submissions in each `window`, counted from the client's first.
/// Memory is bounded: with `max_clients` addresses in their windows, those whose windows are over go first, and a new
/// address beyond that is refused (an attacker with many addresses can then delay new clients, but not fill memory).

#include <caf/error.hpp>
#include <chrono>
#include <string>
#include <unordered_map>

#include "actors/board.hpp"
#include "actors/messages.hpp"

namespace lazaret::actors {

struct rate_limit_options {
  std::size_t limit = 30;             ///< PER_IP_RATE_LIMIT
  std::chrono::seconds window{60};    ///< PER_IP_RATE_WINDOW_SEC
  std::size_t max_clients = 100'000;  ///< about 10 MB
};

/// The decision alone: pure, the caller tells the time. Not thread-safe.
class fixed_window {
 public:
  using clock = std::chrono::steady_clock;
  explicit fixed_window(rate_limit_options options) : options_{options} {}

  /// True when the client may submit once more; counts it.
  bool admit(const std::string& client, clock::time_point now);
  [[nodiscard]] std::size_t clients() const noexcept { return windows_.size(); }

 private:
  struct window {
    clock::time_point start;
    std::size_t count = 0;
  };
  rate_limit_options options_;
  std::unordered_map<std::string, window> windows_;
};

class rate_limit_state {
 public:
  static inline constexpr const char* name = "rate_limit";
  explicit rate_limit_state(rate_limit_actor::stateful_pointer<rate_limit_state> self) : self_{self} {}
  rate_limit_actor::behavior_type start(rate_limit_options options, std::shared_ptr<board> figures);

 private:
  caf::result<admitted> decide(const admit& request);
  rate_limit_actor::stateful_pointer<rate_limit_state> self_;
  std::optional<fixed_window> windows_;
};

}  // namespace lazaret::actors
