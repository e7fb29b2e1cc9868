#include "sandbox/stock.hpp"

#include <algorithm>

#include "sandbox/protocol.hpp"

namespace lazaret::sandbox {

template <class Predicate>
void stock::expire_if(Predicate is_over) {
  for (auto& k : kinds_) {
    const auto over = std::stable_partition(k.all.begin(), k.all.end(), [&](const waiting& w) { return !is_over(w); });
    expired_.insert(expired_.end(), std::move_iterator{over}, std::move_iterator{k.all.end()});
    k.all.erase(over, k.all.end());
  }
}

std::optional<stock::number> stock::take(const std::string& key, const pattern& like,
                                         const std::vector<volume_id>& volumes) {
  if (ahead_ == 0 || key.size() > largest_key) return std::nullopt;
  const auto known = std::find_if(kinds_.begin(), kinds_.end(),
                                  [&](const kind& k) { return k.key == key && k.like.volumes == like.volumes; });
  std::optional<number> found;
  if (known == kinds_.end()) {
    kinds_.push_front({key, protocol::number_of(key), like});
    if (kinds_.size() > max_kinds) {
      auto& oldest = kinds_.back().all;
      expired_.insert(expired_.end(), std::move_iterator{oldest.begin()}, std::move_iterator{oldest.end()});
      kinds_.pop_back();
    }
  } else {
    kinds_.splice(kinds_.begin(), kinds_, known);
    known->wanted_again = true;
    const auto fits = std::find_if(known->all.begin(), known->all.end(), [&](const waiting& w) {
      return w.volumes == volumes && w.handed_out == volumes.size();
    });
    if (fits != known->all.end()) {
      found = fits->jail;
      known->all.erase(fits);
    }
  }
  return found;
}

std::optional<stock::volume_id> stock::hand_out(std::uint64_t wanted, const volume_options& options) {
  for (auto& k : kinds_) {
    if (k.number != wanted) continue;
    for (auto& w : k.all)
      if (w.handed_out < w.volumes.size() && k.like.volumes[w.handed_out] == options) return w.volumes[w.handed_out++];
  }
  return std::nullopt;
}

std::size_t stock::untouched(const kind& k) {
  return static_cast<std::size_t>(
      std::count_if(k.all.begin(), k.all.end(), [](const waiting& w) { return w.handed_out == 0; }));
}

bool stock::has_run_out() const {
  return std::any_of(kinds_.begin(), kinds_.end(), [this](const kind& k) { return lacks(k) && untouched(k) == 0; });
}

const stock::pattern* stock::missing() const {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [this](const kind& k) { return lacks(k); });
  return found == kinds_.end() ? nullptr : &found->like;
}

void stock::add(waiting made) {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [this](const kind& k) { return lacks(k); });
  (found == kinds_.end() ? expired_ : found->all).push_back(std::move(made));
}

void stock::forget(number gone) {
  expire_if([gone](const waiting& w) { return w.jail == gone; });
}

void stock::forget_volume(volume_id gone) {
  expire_if(
      [gone](const waiting& w) { return std::find(w.volumes.begin(), w.volumes.end(), gone) != w.volumes.end(); });
}

}  // namespace lazaret::sandbox
