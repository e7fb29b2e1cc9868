#pragma once
/// Who reads the log of a job while it is written, whichever node writes it. What this process writes is told at once;
/// for the rest the file is looked at every 20 ms (it lies in BLOB_DIR, which the nodes share), as long as somebody
/// reads it. Thread-safe.

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/batch/folder.hpp"
#include "actors/batch/ledger.hpp"

namespace lazaret::batch {

class log_watch : public std::enable_shared_from_this<log_watch> {
 public:
  log_watch(std::shared_ptr<ledger> jobs, std::shared_ptr<folder> files);

  /// `poke` is called, on any thread, when there is more in the job's log or its status has changed. It must not block.
  [[nodiscard]] std::unique_ptr<durable::subscription> add(const std::string& id, std::function<void()> poke);
  /// This process has written to that job's log.
  void written(const std::string& id);

 private:
  struct reader;
  class handle;
  void look_after(const std::stop_token& stop);
  void remove(const std::shared_ptr<reader>& who);

  const std::shared_ptr<ledger> jobs_;
  const std::shared_ptr<folder> files_;
  std::mutex mutex_;
  std::condition_variable_any came_;
  std::list<std::shared_ptr<reader>> readers_;
  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace lazaret::batch
