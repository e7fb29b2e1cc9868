#pragma once
/// Keeps the answer of the self-test for those who ask often: GET /health must not be a way to make jails. One thread
/// tests at the start of each jailer, and again when somebody asks and the last answer is older than `keep`.
///
/// Thread-safe. No member but the destructor waits for a jail.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/jailer.hpp"
#include "sandbox/layers.hpp"

namespace lazaret::sandbox {

/// What the last self-test said.
struct jail_health {
  std::vector<layer_report> layers;  ///< empty when there is none
  std::string trouble;               ///< one line, for anybody: why no jail may be trusted; empty when all is well
};

class layer_watch {
 public:
  /// Ten self-tests a minute cost 4 % of a processor at most, and a layer does not break from one moment to the next.
  explicit layer_watch(jailer& jails, std::chrono::milliseconds keep = std::chrono::seconds{10});
  /// Kills a test that is under way.
  ~layer_watch() = default;
  layer_watch(const layer_watch&) = delete;
  layer_watch& operator=(const layer_watch&) = delete;

  /// There is another jailer, or none any more: what was known of the last one is forgotten, and the new one tested.
  void jailer_changed();
  /// What is known; asks for a new test when it is old.
  [[nodiscard]] jail_health latest();
  /// The same without asking: for what is asked all the time.
  [[nodiscard]] std::string trouble() const;

 private:
  using clock = std::chrono::steady_clock;
  void work(const std::stop_token& stop);

  jailer& jails_;
  const std::chrono::milliseconds keep_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  jail_health known_;
  clock::time_point tested_at_{};
  bool wanted_ = false;
  std::uint64_t generation_ = 0;  ///< of the jailer
  std::jthread thread_;           ///< the last member: it uses all others
};

}  // namespace lazaret::sandbox
