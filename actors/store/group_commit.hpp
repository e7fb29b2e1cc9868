#pragma once
/// The one writer of an embedded store. What several threads want written meanwhile is committed together, so that they
/// share one wait for the disk; each has a savepoint of its own, so that one's failure is its own.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "actors/store/sqlite_database.hpp"

namespace lazaret::durable {

class group_commit {
 public:
  /// `tick`: called on the writer's thread every second. `foreign`: whether another connection wrote since the last.
  group_commit(database writer_of_its_own, std::function<void(bool foreign)> tick);
  /// What was asked for is written.
  ~group_commit();

  enum class durability : std::uint8_t {
    synced,   ///< on disk when it returns
    buffered  ///< survives this process, and the machine's power only together with something synced after it
  };
  /// Runs it on the writer's thread within a transaction and waits for the commit. `work` may throw sqlite::error, and
  /// may be called again after a rollback: what it leaves behind is of its last call. Why it failed, or nothing.
  [[nodiscard]] std::optional<std::string> run(const std::function<void(database&)>& work, durability how);
  /// As many calls of run() by as many threads; what became of each, in their order.
  [[nodiscard]] std::vector<std::optional<std::string>> run_all(
      const std::vector<std::function<void(database&)>>& works, durability how);
  /// On the writer's thread, soon after `at`; forgotten when thousands are to be called.
  void call_at(clock::time_point at, std::function<void()> what);

  /// Why the last write failed, if it did.
  [[nodiscard]] std::optional<std::string> trouble();
  /// When something was last written.
  [[nodiscard]] std::chrono::steady_clock::time_point last_success();

 private:
  struct operation {
    const std::function<void(database&)>& work;
    durability how;
    bool done = false;
    std::optional<std::string> failure;
  };

  void serve();
  void commit(const std::vector<operation*>& batch);
  [[nodiscard]] bool commit_together(const std::vector<operation*>& batch);
  void attempt(operation& one);
  void note(const operation& one);
  void turn_to(durability how);

  database db_;
  std::function<void(bool)> tick_;
  std::mutex mutex_;
  std::condition_variable wanted_, finished_;
  std::vector<operation*> waiting_;
  std::multimap<clock::time_point, std::function<void()>> later_;
  bool ending_ = false;
  std::optional<std::string> trouble_;
  std::chrono::steady_clock::time_point last_success_{};
  durability now_ = durability::synced;
  std::int64_t foreign_version_ = 0;
  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace lazaret::durable
