#include "actors/retention/retention.hpp"

#include <iterator>

#include "sandbox/try.hpp"

namespace lazaret::actors {
namespace {

using sandbox::result;
using std::chrono::system_clock;

/// A job's folder is there before its document is: its service died in between, or is writing it right now.
constexpr std::chrono::hours job_orphan_age{1};

}  // namespace

retention_options retention_of_runs(std::shared_ptr<store> runs, const run_places& places, std::chrono::seconds age,
                                    std::uint64_t max_bytes) {
  retention_options o;
  o.kind = "run";
  o.places = {places.blob_dir / "runs"};
  o.max_bytes = max_bytes;
  if (!places.former.empty()) o.places.push_back(places.former / "runs");
  if (age.count() > 0) o.age = o.orphan_age = age;
  o.ended = [runs](auto before, auto most) { return runs->ended(before, most); };
  o.forget = [runs](const std::string& id) { return runs->forget(id); };
  o.find = [runs](const std::string& id) -> result<presence> {
    try {
      const auto known = runs->find(id);
      return !known ? presence::none : known->finished_at ? presence::ended : presence::going_on;
    } catch (const store_unreadable& why) {
      return sandbox::failure{"find", 0, why.what(), {}};
    }
  };
  return o;
}

retention_options retention_of_jobs(std::shared_ptr<batch::ledger> jobs, const batch::folder& files,
                                    std::chrono::seconds age, std::uint64_t max_bytes) {
  retention_options o;
  o.kind = "job";
  o.places = {files.root()};
  o.age = age;
  o.max_bytes = max_bytes;
  o.orphan_age = job_orphan_age;
  o.ended = [jobs](auto before, auto most) { return jobs->ended(before, most); };
  o.forget = [jobs](const std::string& id) { return jobs->forget(id); };
  o.find = [jobs](const std::string& id) -> result<presence> {
    const auto known = jobs->find(id);
    if (!known) return known.error();
    return !*known ? presence::none : batch::has_ended((*known)->status) ? presence::ended : presence::going_on;
  };
  return o;
}

retention::retention(retention_options options, metrics::instruments& meters)
    : options_{std::move(options)}, meters_{meters}, folders_{options_.places} {}

void retention::begin_round() {
  unknown_ = folders_.look();
  if (++rounds_ % rounds_between_all != 0) return;
  // Their documents may have been lost, and an attempt that was given up may have written more.
  auto known = folders_.counted();
  std::ranges::move(known, std::back_inserter(unknown_));
}

result<bool> retention::step() {
  const auto old = forget_old();
  if (old && *old) return true;
  // What is old and can't be removed is no reason to let the rest grow.
  auto more = measure_new();
  if (more && !*more) more = make_room();
  meters_.kept(options_.kind, static_cast<double>(folders_.total()));
  return old || (more && *more) ? more : old;
}

result<bool> retention::forget_old() {
  if (!options_.age) return false;
  const auto old = options_.ended(system_clock::now() - *options_.age, some);
  if (!old) return old.error();
  result<void> done;  // one that can't be removed must not keep the others
  for (const auto& id : *old)
    if (auto gone = forget(id, "age"); !gone) done = gone;
  if (!done) return done.error();
  return old->size() == some;
}

result<bool> retention::measure_new() {
  for (std::size_t n = 0; n < some && !unknown_.empty(); ++n) {
    const auto id = std::move(unknown_.back());
    unknown_.pop_back();
    const auto now = options_.find(id);
    if (!now) return now.error();
    if (*now == presence::ended)
      folders_.count(id);
    else
      folders_.drop(id);
    if (*now == presence::none) LAZARET_TRY(forget_orphan(id));
  }
  return !unknown_.empty();
}

result<void> retention::forget_orphan(const std::string& id) {
  const auto touched = folders_.touched(id);
  const auto now = std::filesystem::file_time_type::clock::now();
  if (!options_.orphan_age || !touched || *touched >= now - *options_.orphan_age) return {};
  const auto gone = folders_.remove(id);
  if (!gone) return gone.error();
  meters_.forgotten(options_.kind, "orphan", static_cast<double>(*gone));
  return {};
}

result<bool> retention::make_room() {
  if (options_.max_bytes == 0 || folders_.total() <= options_.max_bytes) return false;
  const auto longest = options_.ended(system_clock::now(), some);  // before the look: see the header
  if (!longest) return longest.error();
  static_cast<void>(folders_.look());  // what is new is met in the next round
  result<void> done;
  for (const auto& id : *longest) {
    if (folders_.total() <= options_.max_bytes) return false;
    if (auto gone = forget(id, "size"); !gone) done = gone;
  }
  if (!done) return done.error();
  return !longest->empty();
}

result<void> retention::forget(const std::string& id, std::string_view reason) {
  const auto removed = folders_.remove(id);
  if (!removed) return removed.error();
  LAZARET_TRY(options_.forget(id));
  meters_.forgotten(options_.kind, reason, static_cast<double>(*removed));
  return {};
}

}  // namespace lazaret::actors
