#pragma once
/// The board on which each stage writes its figures: read by `/v1/stages`, the metrics and readiness without asking an
/// actor, and by a restarted stage for the settings that it had. Thread-safe.

#include <array>
#include <mutex>
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
};

}  // namespace lazaret::actors
