#include "sandbox/stock.hpp"

#include <algorithm>

#include "sandbox/protocol.hpp"

namespace lazaret::sandbox {
namespace {

std::string key_of(policy what) {
  what.argv.clear(), what.environment.clear(), what.working_directory.clear();
  return protocol::encode(protocol::kind::start, what);
}

}  // namespace

std::optional<stock::number> stock::take(const policy& what) {
  if (ahead_ == 0) return std::nullopt;
  auto key = key_of(what);
  const auto known = std::find_if(kinds_.begin(), kinds_.end(), [&](const kind& k) { return k.key == key; });
  if (known == kinds_.end()) {
    kinds_.push_front({std::move(key), what, false, {}});
    if (kinds_.size() > max_kinds) {
      const auto& oldest = kinds_.back().waiting;
      expired_.insert(expired_.end(), oldest.begin(), oldest.end());
      kinds_.pop_back();
    }
    return std::nullopt;
  }
  kinds_.splice(kinds_.begin(), kinds_, known);
  known->wanted_again = true;
  if (known->waiting.empty()) return std::nullopt;
  const auto first = known->waiting.front();
  known->waiting.erase(known->waiting.begin());
  return first;
}

const policy* stock::missing() const {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [this](const kind& k) { return lacks(k); });
  return found == kinds_.end() ? nullptr : &found->what;
}

void stock::add(number made) {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [this](const kind& k) { return lacks(k); });
  if (found == kinds_.end())
    expired_.push_back(made);
  else
    found->waiting.push_back(made);
}

void stock::forget(number gone) {
  for (auto& k : kinds_) std::erase(k.waiting, gone);
}

}  // namespace lazaret::sandbox
