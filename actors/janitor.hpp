#pragma once
/// Forgets what has ended long ago: runs with their events, reports and folders; and what has expired in the store.
/// A thread of its own, since it blocks on the store and the disk, in steps with rests between them. What can't be
/// forgotten now (the store is away, the disk is read-only) is met again in the next round. Several nodes may do it on
/// the same store: what is gone already is no failure.
///
/// The folder goes first, then the document: whoever is interrupted in between finds the run again. Folders without a
/// document (of a run that was forgotten while an attempt that had been given up still wrote) are found once in
/// `orphans_every` rounds, and go when they are as old as a run may become: a store that came back empty costs nothing
/// that retention would have kept.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "actors/store.hpp"

namespace lazaret::actors {

struct janitor_options {
  std::chrono::seconds retention{0};        ///< 0: runs are kept for ever
  std::chrono::milliseconds every{60'000};  ///< between rounds
  run_places places;
};

class janitor {
 public:
  janitor(janitor_options options, std::shared_ptr<store> runs);

  /// How many at a time, and the rest after them.
  static constexpr std::size_t step = 20;
  static constexpr std::chrono::milliseconds rest{50};
  static constexpr int orphans_every = 60;

 private:
  void work(const std::stop_token& stop);
  /// One step of each; false when there was nothing left to do.
  [[nodiscard]] bool forget_some(const std::stop_token& stop);
  void look_for_orphans(const std::stop_token& stop);
  /// False when it is time to stop.
  bool wait(const std::stop_token& stop, std::chrono::milliseconds time);

  const janitor_options options_;
  const std::shared_ptr<store> runs_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::jthread thread_;  ///< last: it uses the others
};

}  // namespace lazaret::actors
