#include "actors/batch/log_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>

namespace lazaret::batch {
namespace {

constexpr std::chrono::milliseconds period{20};

/// -1: there is none.
std::int64_t size_of(const std::filesystem::path& file) {
  struct stat found {};
  return ::stat(file.c_str(), &found) == 0 ? found.st_size : -1;
}

}  // namespace

struct log_watch::reader {
  std::string id;
  std::function<void()> poke;
  std::atomic<bool> stale = true;     ///< which file it is, and whether anybody writes it, is to be found out
  std::atomic<bool> is_here = false;  ///< who writes it tells us
  // Of the thread.
  std::filesystem::path file;  ///< empty: nobody writes to it
  std::int64_t size = -1;
};

class log_watch::handle final : public durable::subscription {
 public:
  handle(std::shared_ptr<log_watch> of, std::shared_ptr<reader> who) : of_{std::move(of)}, who_{std::move(who)} {
    status_ = of_->jobs_->watch(who_->id, [who = who_] {
      who->is_here = false;
      who->stale = true;
      who->poke();
    });
  }
  ~handle() override {
    status_.reset();
    of_->remove(who_);
  }

 private:
  std::shared_ptr<log_watch> of_;
  std::shared_ptr<reader> who_;
  std::unique_ptr<durable::subscription> status_;
};

log_watch::log_watch(std::shared_ptr<ledger> jobs, std::shared_ptr<folder> files)
    : jobs_{std::move(jobs)}, files_{std::move(files)}, thread_{[this](const std::stop_token& stop) {
        look_after(stop);
      }} {}

std::unique_ptr<durable::subscription> log_watch::add(const std::string& id, std::function<void()> poke) {
  auto who = std::make_shared<reader>();
  who->id = id;
  who->poke = std::move(poke);
  {
    const std::scoped_lock lock{mutex_};
    readers_.push_back(who);
  }
  came_.notify_one();
  return std::make_unique<handle>(shared_from_this(), std::move(who));
}

void log_watch::remove(const std::shared_ptr<reader>& who) {
  const std::scoped_lock lock{mutex_};
  readers_.remove(who);
}

/// The lock is held while callbacks run, so that a subscription's end returns only when none is under way.
void log_watch::written(const std::string& id) {
  const std::scoped_lock lock{mutex_};
  for (const auto& who : readers_) {
    if (who->id != id) continue;
    who->is_here = true;
    who->poke();
  }
}

void log_watch::look_after(const std::stop_token& stop) {
  std::vector<std::shared_ptr<reader>> grown;
  while (!stop.stop_requested()) {
    std::vector<std::shared_ptr<reader>> all;
    {
      std::unique_lock lock{mutex_};
      came_.wait(lock, stop, [this] { return !readers_.empty(); });
      came_.wait_for(lock, stop, period, [] { return false; });
      all.assign(readers_.begin(), readers_.end());
    }
    // The store and the disk may take their time: not under the lock, which writers need.
    grown.clear();
    for (const auto& who : all) {
      if (who->is_here) continue;
      if (who->stale.exchange(false)) {
        const auto now = jobs_->find(who->id);
        if (!now) who->stale = true;
        if (!now || !*now) continue;
        who->file = (*now)->status == status::running ? files_->log(who->id, (*now)->attempt) : "";
        who->size = -1;
      }
      const auto size = who->file.empty() ? who->size : size_of(who->file);
      if (std::exchange(who->size, size) != size) grown.push_back(who);
    }
    const std::scoped_lock lock{mutex_};
    for (const auto& who : grown)
      if (std::ranges::find(readers_, who) != readers_.end()) who->poke();
  }
}

}  // namespace lazaret::batch
