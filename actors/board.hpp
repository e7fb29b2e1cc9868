#pragma once
/// The board on which each stage writes its figures: read by `/v1/stages`, the metrics and readiness without asking an
/// actor, and by a restarted stage for the settings that it had. Thread-safe.

#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "metrics/instruments.hpp"

namespace lazaret::actors {

class board {
 public:
  explicit board(metrics::instruments& meters);

  void configure(std::string_view stage, std::size_t concurrency, std::size_t queue_limit);
  void occupy(std::string_view stage, std::size_t queue_depth, std::size_t in_flight);
  void healthy(std::string_view stage, bool is_healthy);
  /// This node leaves it to others.
  void absent(std::string_view stage);

  /// A worker of that stage was done with one after so long.
  void took(std::string_view stage, std::chrono::duration<double> time);
  /// What one takes lately, in seconds: the mean in which the n-th last counts (4/5)^n. Nothing before the first.
  [[nodiscard]] std::optional<double> usual_time(std::string_view stage) const;

  [[nodiscard]] stage_status of(std::string_view stage) const;
  [[nodiscard]] std::vector<stage_status> all() const;
  /// The first stage that is not healthy; empty when all are.
  [[nodiscard]] std::string unhealthy_stage() const;
  [[nodiscard]] metrics::instruments& meters() noexcept { return meters_; }

 private:
  stage_status& row(std::string_view stage);
  metrics::instruments& meters_;
  mutable std::mutex mutex_;
  std::array<stage_status, metrics::stages.size()> rows_;
  std::map<std::string, double, std::less<>> times_;
};

}  // namespace lazaret::actors
