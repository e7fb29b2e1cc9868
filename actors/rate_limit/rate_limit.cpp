#include "actors/rate_limit/rate_limit.hpp"

#include "actors/caf_fault.hpp"

namespace lazaret::actors {

bool fixed_window::admit(const std::string& client, clock::time_point now) {
  if (windows_.size() >= options_.max_clients && !windows_.contains(client)) {
    std::erase_if(windows_, [&](const auto& entry) { return now - entry.second.start >= options_.window; });
    if (windows_.size() >= options_.max_clients) return false;
  }
  auto& w = windows_[client];
  if (w.count == 0 || now - w.start >= options_.window) w = {now, 0};
  if (w.count >= options_.limit) return false;
  ++w.count;
  return true;
}

rate_limit_actor::behavior_type rate_limit_state::start(rate_limit_options options, std::shared_ptr<board> figures) {
  windows_.emplace(options);
  figures->configure(name, 1, 0);  // nothing waits here
  return {[this](const admit& request) { return decide(request); }};
}

caf::result<admitted> rate_limit_state::decide(const admit& request) {
  // Of the actor system's clock, so that tests can turn it.
  if (!windows_->admit(request.client, self_->clock().now())) return make_fault(fault::rate_limited);
  return admitted{};
}

}  // namespace lazaret::actors
