#pragma once
/// Who wants to know when a run has new events. Thread-safe.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "actors/service.hpp"

namespace lazaret::actors {

class event_hub : public std::enable_shared_from_this<event_hub> {
 public:
  [[nodiscard]] std::unique_ptr<subscription> subscribe(const std::string& run_id, std::function<void()> poke);
  /// Calls each callback of that run, on this thread.
  void poke(const std::string& run_id);

 private:
  class entry;
  std::mutex mutex_;
  std::unordered_multimap<std::string, entry*> entries_;
};

}  // namespace lazaret::actors
