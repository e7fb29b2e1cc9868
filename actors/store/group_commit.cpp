#include "actors/store/group_commit.hpp"

#include <algorithm>

#include "actors/fault_point.hpp"

namespace lazaret::durable {
namespace {

constexpr std::chrono::seconds tick_every{1};
/// Bounds how long the first of a batch waits for the last.
constexpr std::size_t largest_batch = 256;
constexpr std::size_t most_later = 10'000;

/// Changes when another connection commits (https://www.sqlite.org/pragma.html#pragma_data_version).
std::int64_t version_of(database& db) {
  auto version = db("PRAGMA data_version");
  return version.step() ? version.integer(0) : 0;
}

}  // namespace

group_commit::group_commit(database writer, std::function<void(bool)> tick)
    : db_{std::move(writer)}, tick_{std::move(tick)}, foreign_version_{version_of(db_)}, thread_{[this] { serve(); }} {}

group_commit::~group_commit() {
  {
    const std::scoped_lock lock{mutex_};
    ending_ = true;
  }
  wanted_.notify_all();
}

std::optional<std::string> group_commit::run(const std::function<void(database&)>& work, durability how) {
  operation mine{work, how, false, {}};
  std::unique_lock lock{mutex_};
  waiting_.push_back(&mine);
  wanted_.notify_one();
  finished_.wait(lock, [&] { return mine.done; });
  return std::move(mine.failure);
}

std::vector<std::optional<std::string>> group_commit::run_all(const std::vector<std::function<void(database&)>>& works,
                                                              durability how) {
  std::vector<operation> mine;
  mine.reserve(works.size());
  for (const auto& work : works) mine.push_back({work, how, false, {}});
  std::unique_lock lock{mutex_};
  for (auto& one : mine) waiting_.push_back(&one);
  wanted_.notify_one();
  finished_.wait(lock, [&] { return std::all_of(mine.begin(), mine.end(), [](const auto& one) { return one.done; }); });
  std::vector<std::optional<std::string>> failures;
  for (auto& one : mine) failures.push_back(std::move(one.failure));
  return failures;
}

void group_commit::call_at(clock::time_point at, std::function<void()> what) {
  const std::scoped_lock lock{mutex_};
  if (later_.size() >= most_later) return;  // the next tick does as well
  later_.emplace(at, std::move(what));
  wanted_.notify_one();
}

std::optional<std::string> group_commit::trouble() {
  const std::scoped_lock lock{mutex_};
  return trouble_;
}

std::chrono::steady_clock::time_point group_commit::last_success() {
  const std::scoped_lock lock{mutex_};
  return last_success_;
}

void group_commit::serve() {
  auto next_tick = clock::now() + tick_every;
  for (std::unique_lock lock{mutex_};;) {
    const auto wake = later_.empty() ? next_tick : std::min(next_tick, later_.begin()->first);
    wanted_.wait_until(
        lock, wake, [&] { return ending_ || !waiting_.empty() || (!later_.empty() && later_.begin()->first < wake); });
    if (!waiting_.empty()) {
      const auto n = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), largest_batch));
      const std::vector<operation*> batch{waiting_.begin(), waiting_.begin() + n};
      waiting_.erase(waiting_.begin(), waiting_.begin() + n);
      lock.unlock();
      commit(batch);
      lock.lock();
      for (auto* one : batch) {
        note(*one);
        one->done = true;
      }
      finished_.notify_all();
    } else if (ending_) {
      return;
    }
    const auto now = clock::now();
    std::vector<std::function<void()>> due;
    for (; !later_.empty() && later_.begin()->first <= now; later_.erase(later_.begin()))
      due.push_back(std::move(later_.begin()->second));
    // The clock may have been set back by hours: a tick is never further away than that.
    const bool ticks = now >= next_tick || next_tick > now + 2 * tick_every;
    if (ticks) next_tick = now + tick_every;
    if (due.empty() && !ticks) continue;
    lock.unlock();
    for (const auto& one : due) one();
    if (ticks) {
      bool foreign = true;
      try {
        const auto version = version_of(db_);
        foreign = version != foreign_version_;
        foreign_version_ = version;
      } catch (const sqlite::error&) {  // can't be told: then as if
      }
      tick_(foreign);
    }
    lock.lock();
  }
}

void group_commit::note(const operation& one) {
  if (one.failure) {
    trouble_ = one.failure;
  } else {
    trouble_.reset();
    last_success_ = std::chrono::steady_clock::now();
  }
}

void group_commit::commit(const std::vector<operation*>& batch) {
  if (batch.size() > 1 && commit_together(batch)) return;
  // One alone, or one that spoiled the transaction for the others (a full disk does): each by itself.
  for (auto* one : batch) {
    if (!commit_together({one}) && !one->failure) one->failure = "it was rolled back";
  }
}

void group_commit::turn_to(durability how) {
  if (how == now_) return;
  db_.execute(how == durability::synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  now_ = how;
}

/// True when each of them is either committed or has a failure of its own.
bool group_commit::commit_together(const std::vector<operation*>& batch) {
  const auto fail_all = [&](const char* why) {
    for (auto* one : batch) one->failure = why;
    return batch.size() == 1;
  };
  try {
    const bool synced =
        std::any_of(batch.begin(), batch.end(), [](const auto* one) { return one->how == durability::synced; });
    turn_to(synced ? durability::synced : durability::buffered);
    sqlite::transaction all{db_.raw()};
    for (auto* one : batch) {
      attempt(*one);
      if (!db_.raw().in_transaction()) return batch.size() == 1;
    }
    LAZARET_FAULT_POINT("commit.before");
    all.commit();
    LAZARET_FAULT_POINT("commit.after");
    return true;
  } catch (const std::exception& e) {
    return fail_all(e.what());
  }
}

void group_commit::attempt(operation& one) {
  one.failure.reset();
  db_.execute("SAVEPOINT one");
  try {
    one.work(db_);
    LAZARET_FAULT_POINT("commit.half");
    db_.execute("RELEASE one");
  } catch (const std::exception& e) {
    one.failure = e.what();
    if (db_.raw().in_transaction()) db_.execute("ROLLBACK TO one; RELEASE one");
  }
}

}  // namespace lazaret::durable
