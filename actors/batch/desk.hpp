#pragma once
/// What http/ knows of jobs: an interface without a trace of CAF, as actors/service.hpp. All members are thread-safe.
/// Callbacks are called exactly once, on any thread.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/batch/folder.hpp"
#include "actors/batch/job.hpp"
#include "actors/fault.hpp"
#include "actors/store/store.hpp"

namespace lazaret::batch {

struct new_job {
  std::string front, owner, spec;
  std::vector<incoming_file> input;
  std::shared_ptr<const void> holds;  ///< what the contents of `input` are views of
  std::optional<durable::idempotency> key;
};

struct submitted {
  std::string id;
  bool repeated = false;  ///< it is the job that this key gave before
};

class desk {
 public:
  template <class T>
  using reply = std::function<void(actors::answer<T>)>;
  using found_job = std::shared_ptr<const job>;

  virtual ~desk() = default;

  /// Blocks while the input is written. Answers the job's id once it is on disk; fault::queue_full,
  /// fault::key_reused, fault::unavailable, fault::draining.
  virtual void submit(new_job what, reply<submitted> done) = 0;
  /// Answers the canceled job once its jail is gone (on another node: is told to); fault::unknown_job,
  /// fault::already_ended.
  virtual void cancel(std::string id, reply<found_job> done) = 0;
  /// Answers the job once it has ended; fault::unknown_job, fault::too_late after `within`.
  virtual void await(std::string id, std::chrono::milliseconds within, reply<found_job> done) = 0;

  /// Throws std::runtime_error when the store can't be read: that is not "there is none".
  [[nodiscard]] virtual std::optional<job> find(const std::string& id) = 0;
  /// `poke` is called, on any thread, when there is more in the job's log or its status has changed, on whichever node.
  /// It must not block.
  [[nodiscard]] virtual std::unique_ptr<durable::subscription> subscribe(const std::string& id,
                                                                         std::function<void()> poke) = 0;
  /// Of the last attempt; there may be none yet.
  [[nodiscard]] virtual std::filesystem::path log_of(const job& which) const = 0;
  /// What job::artifacts are pieces of.
  [[nodiscard]] virtual std::filesystem::path artifacts_of(const job& which) const = 0;
};

}  // namespace lazaret::batch
