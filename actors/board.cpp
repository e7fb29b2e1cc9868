#include "actors/board.hpp"

#include <algorithm>
#include <stdexcept>

namespace lazaret::actors {

board::board(metrics::instruments& meters) : meters_{meters} {
  for (std::size_t n = 0; n < rows_.size(); ++n) rows_[n].name = metrics::stages[n];
}

stage_status& board::row(std::string_view stage) {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const auto& r) { return r.name == stage; });
  if (found == rows_.end()) throw std::logic_error{"no such stage: " + std::string{stage}};
  return *found;
}

void board::configure(std::string_view stage, std::size_t concurrency, std::size_t queue_limit) {
  const std::scoped_lock lock{mutex_};
  auto& r = row(stage);
  r.concurrency = concurrency;
  r.queue_limit = queue_limit;
  meters_.stage_concurrency(stage, static_cast<double>(concurrency));
}

void board::occupy(std::string_view stage, std::size_t queue_depth, std::size_t in_flight) {
  const std::scoped_lock lock{mutex_};
  auto& r = row(stage);
  r.queue_depth = queue_depth;
  r.in_flight = in_flight;
  meters_.stage_queue_depth(stage, static_cast<double>(queue_depth));
  meters_.stage_in_flight(stage, static_cast<double>(in_flight));
}

void board::healthy(std::string_view stage, bool is_healthy) {
  const std::scoped_lock lock{mutex_};
  row(stage).healthy = is_healthy;
}

void board::absent(std::string_view stage) {
  configure(stage, 0, of(stage).queue_limit);
  const std::scoped_lock lock{mutex_};
  row(stage).here = false;
}

void board::took(std::string_view stage, std::chrono::duration<double> time) {
  constexpr double weight = 0.2;
  const std::scoped_lock lock{mutex_};
  const auto [known, first] = times_.try_emplace(std::string{stage}, time.count());
  if (!first) known->second += weight * (time.count() - known->second);
}

std::optional<double> board::usual_time(std::string_view stage) const {
  const std::scoped_lock lock{mutex_};
  const auto known = times_.find(stage);
  return known == times_.end() ? std::nullopt : std::optional{known->second};
}

stage_status board::of(std::string_view stage) const {
  const std::scoped_lock lock{mutex_};
  return const_cast<board*>(this)->row(stage);
}

std::vector<stage_status> board::all() const {
  const std::scoped_lock lock{mutex_};
  return {rows_.begin(), rows_.end()};
}

std::string board::unhealthy_stage() const {
  const std::scoped_lock lock{mutex_};
  const auto found = std::find_if(rows_.begin(), rows_.end(), [](const auto& r) { return !r.healthy; });
  return found == rows_.end() ? std::string{} : found->name;
}

}  // namespace lazaret::actors
