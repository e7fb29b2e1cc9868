#pragma once
/// A few connections that read beside the writer (WAL: nobody waits for anybody); each one caller's at a time.

#include <array>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "actors/store/sqlite_database.hpp"

namespace lazaret::durable {

class reader_pool {
 public:
  /// The file is there, with its tables.
  explicit reader_pool(const std::string& file) {
    for (auto& one : all_) {
      one = std::make_unique<database>(file, SQLITE_OPEN_READWRITE);
      one->execute("PRAGMA query_only = ON");
      free_.push_back(one.get());
    }
  }
  /// Waits for a connection that is free; `work` may throw.
  template <class Work>
  auto with(const Work& work) {
    const borrowed mine{*this};
    return work(*mine.one);
  }

 private:
  struct borrowed {
    explicit borrowed(reader_pool& from) : pool{from} {
      std::unique_lock lock{pool.mutex_};
      pool.returned_.wait(lock, [this] { return !pool.free_.empty(); });
      one = pool.free_.back();
      pool.free_.pop_back();
    }
    borrowed(const borrowed&) = delete;
    borrowed& operator=(const borrowed&) = delete;
    ~borrowed() {
      {
        const std::scoped_lock lock{pool.mutex_};
        pool.free_.push_back(one);
      }
      pool.returned_.notify_one();
    }
    reader_pool& pool;
    database* one = nullptr;
  };

  std::array<std::unique_ptr<database>, 3> all_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<database*> free_;
};

}  // namespace lazaret::durable
