#pragma once
/// Who wants to know when something of that name changed, within this process. Thread-safe; a watch may outlive it.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "actors/store/store.hpp"

namespace lazaret::durable {

class watchers : public std::enable_shared_from_this<watchers> {
 public:
  [[nodiscard]] std::unique_ptr<subscription> add(std::string what, std::function<void()> poke);
  /// Calls each that watches it, on this thread.
  void poke(const std::string& what);
  void poke_all();

 private:
  class entry;
  std::mutex mutex_;
  std::unordered_multimap<std::string, entry*> entries_;
};

}  // namespace lazaret::durable
