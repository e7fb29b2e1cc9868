#include "actors/janitor.hpp"

#include <filesystem>
#include <string>
#include <system_error>

namespace lazaret::actors {
namespace {

namespace fs = std::filesystem;

/// Of a run's own folder only: what is no id names none.
bool is_id(const std::string& name) {
  return name.size() == 36 && name.find_first_not_of("0123456789abcdef-") == name.npos;
}

/// False when something of it is left.
bool remove_folder(const fs::path& folder) {
  std::error_code bad;
  fs::remove_all(folder, bad);
  return !fs::exists(fs::symlink_status(folder, bad));
}

}  // namespace

janitor::janitor(janitor_options options, std::shared_ptr<store> runs)
    : options_{std::move(options)}, runs_{std::move(runs)}, thread_{[this](const std::stop_token& stop) {
        work(stop);
      }} {}

void janitor::work(const std::stop_token& stop) {
  for (int round = 0; !stop.stop_requested(); ++round) {
    try {
      while (forget_some(stop) && wait(stop, rest)) {
      }
      if (options_.retention.count() > 0 && round % orphans_every == 0) look_for_orphans(stop);
    } catch (const std::exception&) {
      // The store can't be read now: readiness says so, and the next round comes.
    }
    if (!wait(stop, options_.every)) return;
  }
}

bool janitor::forget_some(const std::stop_token& stop) {
  const auto expired = runs_->tidy(100);
  bool more = expired && *expired > 0;
  if (options_.retention.count() == 0) return more;
  const auto old = runs_->ended(std::chrono::system_clock::now() - options_.retention, step);
  if (!old) return false;
  std::size_t gone = 0;
  for (const auto& id : *old) {
    if (stop.stop_requested()) return false;
    if (is_id(id) && remove_folder(run_folder(options_.places, id)) && runs_->forget(id)) ++gone;
  }
  // Those that stay would be found again at once.
  return (more || old->size() == step) && gone == old->size();
}

void janitor::look_for_orphans(const std::stop_token& stop) {
  const auto before = fs::file_time_type::clock::now() - options_.retention;
  for (const auto& place : {options_.places.blob_dir, options_.places.former}) {
    if (place.empty()) continue;
    std::error_code bad;
    std::size_t seen = 0;
    for (fs::directory_iterator at{place / "runs", bad}, end; !bad && at != end; at.increment(bad)) {
      if (++seen % step == 0 && !wait(stop, rest)) return;
      std::error_code none;
      const auto id = at->path().filename().string();
      if (!is_id(id) || fs::last_write_time(at->path(), none) >= before || none || runs_->find(id)) continue;
      static_cast<void>(remove_folder(at->path()));
    }
  }
}

bool janitor::wait(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  woken_.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace lazaret::actors
