#include "actors/event_hub.hpp"

namespace lazaret::actors {

/// The hub's lock is held while callbacks run, so that the destructor returns only when none is under way.
class event_hub::entry final : public subscription {
 public:
  entry(std::shared_ptr<event_hub> hub, std::string run_id, std::function<void()> poke)
      : hub_{std::move(hub)}, run_id_{std::move(run_id)}, poke_{std::move(poke)} {
    const std::scoped_lock lock{hub_->mutex_};
    hub_->entries_.emplace(run_id_, this);
  }
  ~entry() override {
    const std::scoped_lock lock{hub_->mutex_};
    const auto [first, last] = hub_->entries_.equal_range(run_id_);
    for (auto it = first; it != last; ++it) {
      if (it->second == this) {
        hub_->entries_.erase(it);
        return;
      }
    }
  }
  void call() const { poke_(); }

 private:
  std::shared_ptr<event_hub> hub_;
  std::string run_id_;
  std::function<void()> poke_;
};

std::unique_ptr<subscription> event_hub::subscribe(const std::string& run_id, std::function<void()> poke) {
  return std::make_unique<entry>(shared_from_this(), run_id, std::move(poke));
}

void event_hub::poke(const std::string& run_id) {
  const std::scoped_lock lock{mutex_};
  const auto [first, last] = entries_.equal_range(run_id);
  for (auto it = first; it != last; ++it) it->second->call();
}

}  // namespace lazaret::actors
