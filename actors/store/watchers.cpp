#include "actors/store/watchers.hpp"

#include <algorithm>

namespace lazaret::durable {

/// The lock is held while callbacks run, so that the destructor returns only when none is under way.
class watchers::entry final : public subscription {
 public:
  entry(std::shared_ptr<watchers> all, std::string what, std::function<void()> poke)
      : all_{std::move(all)}, what_{std::move(what)}, poke_{std::move(poke)} {
    const std::scoped_lock lock{all_->mutex_};
    all_->entries_.emplace(what_, this);
  }
  ~entry() override {
    const std::scoped_lock lock{all_->mutex_};
    const auto [first, last] = all_->entries_.equal_range(what_);
    all_->entries_.erase(std::find_if(first, last, [this](const auto& pair) { return pair.second == this; }));
  }
  void call() const { poke_(); }

 private:
  std::shared_ptr<watchers> all_;
  std::string what_;
  std::function<void()> poke_;
};

std::unique_ptr<subscription> watchers::add(std::string what, std::function<void()> poke) {
  return std::make_unique<entry>(shared_from_this(), std::move(what), std::move(poke));
}

void watchers::poke(const std::string& what) {
  const std::scoped_lock lock{mutex_};
  const auto [first, last] = entries_.equal_range(what);
  std::for_each(first, last, [](const auto& pair) { pair.second->call(); });
}

void watchers::poke_all() {
  const std::scoped_lock lock{mutex_};
  for (const auto& [what, one] : entries_) one->call();
}

}  // namespace lazaret::durable
