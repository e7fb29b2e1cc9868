#include "sandbox/layer_watch.hpp"

namespace lazaret::sandbox {
namespace {

/// What the host lacks first: nothing else could be tried then.
std::string trouble_in(const std::vector<layer_report>& reports) {
  for (const auto state : {layer_state::unavailable, layer_state::broken})
    for (const auto& r : reports)
      if (r.required && r.state == state)
        return "layer " + r.name + " of the jail is " + std::string{name(state)} + ": " + r.detail;
  return {};
}

}  // namespace

layer_watch::layer_watch(jailer& jails, std::chrono::milliseconds keep)
    : jails_{jails}, keep_{keep}, thread_{[this](const std::stop_token& stop) { work(stop); }} {}

void layer_watch::jailer_changed() {
  const std::lock_guard lock{mutex_};
  ++generation_;
  known_ = {};
  wanted_ = true;
  wake_.notify_one();
}

jail_health layer_watch::latest() {
  const std::lock_guard lock{mutex_};
  if (clock::now() - tested_at_ > keep_) {
    wanted_ = true;
    wake_.notify_one();
  }
  return known_;
}

std::string layer_watch::trouble() const {
  const std::lock_guard lock{mutex_};
  return known_.trouble;
}

void layer_watch::work(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (wake_.wait(lock, stop, [this] { return wanted_; })) {
    const auto tested = generation_;
    lock.unlock();
    auto reports = jails_.self_test(stop);
    lock.lock();
    if (tested != generation_) continue;  // of a jailer that is gone
    wanted_ = false;
    tested_at_ = clock::now();
    known_ = reports ? jail_health{std::move(*reports), {}} : jail_health{{}, reports.error().describe()};
    if (reports) known_.trouble = trouble_in(known_.layers);
  }
}

}  // namespace lazaret::sandbox
