#pragma once
/// What http/ knows of the pipeline: an interface without a trace of CAF. All members are thread-safe.
///
/// Questions that go through actors answer through a callback, called exactly once, on any thread, within 10 s (with
/// fault::unavailable when an actor did not answer). Reads come from the store, block for no longer than a query, and
/// throw store_unreadable.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "actors/batch/desk.hpp"
#include "actors/fault.hpp"
#include "actors/interactive/execution.hpp"
#include "actors/run.hpp"
#include "actors/store/store.hpp"
#include "sandbox/layer_watch.hpp"

namespace lazaret::prebuild {
class shelf;
}

namespace lazaret::actors {

struct stage_status {
  std::string name;
  std::size_t queue_depth = 0;
  std::size_t in_flight = 0;
  std::size_t concurrency = 0;
  std::size_t queue_limit = 0;
  bool healthy = true;
  bool here = true;  ///< false: this node leaves it to others
};

struct stage_change {
  std::optional<std::int64_t> concurrency;  ///< 1-64; refused (fault::fixed) for ingress, rate_limit, queue
  std::optional<std::int64_t> queue_limit;  ///< 1-100000
};

struct submitted_run {
  std::string run_id;
  bool repeated = false;  ///< it is the run that this key gave before
};

/// Where a run stands that waits for a stage.
struct standing {
  std::uint64_t position = 0;          ///< how many come before it
  std::optional<double> estimate_sec;  ///< until that stage takes it up; nothing while nobody knows how long it takes
};

struct run_filter {
  std::optional<actors::status> status;
  std::optional<std::string> package;  ///< compared after PEP 503 normalisation
  std::optional<actors::verdict> verdict;
  std::string cursor;      ///< as a page gave it; empty: from the newest
  std::size_t limit = 50;  ///< 1-200
};

struct run_page {
  std::vector<run> runs;    ///< newest first
  std::string next_cursor;  ///< empty: this was the last page
};

/// `type`: `status`, `stage`, `observation` or `end`; `data`: one JSON object without a line break.
struct run_event {
  std::uint64_t id = 0;  ///< rises by one within a run, from 1
  std::string type;
  std::string data;
};

using durable::subscription;

class service {
 public:
  template <class T>
  using reply = std::function<void(answer<T>)>;

  virtual ~service() = default;

  /// Ingress: denylist, rate limit, queue, in this order. Answers the run's id once the run is on disk. What came with
  /// that key before is answered ahead of the limits, and counts for none; fault::key_reused when it was another
  /// request.
  virtual void submit(submission what, std::optional<durable::idempotency> key, reply<submitted_run> done) = 0;
  /// Runs somebody's code now, or refuses: fault::queue_full, fault::unavailable (no jail could be made),
  /// fault::draining. `who` is whose share it counts against. A stop request kills its jail; the answer comes all
  /// the same, within what is left of the wall limit and the wait for a worker, not within 10 s.
  virtual void execute(std::shared_ptr<const execution_request> what, claimant who, std::stop_token stop,
                       reply<std::shared_ptr<execution_answer>> done) = 0;
  /// Would execute() take one of theirs now, or refuse it at once? Reserves nothing.
  virtual void check_room(claimant who, reply<bool> done) = 0;
  /// Executions that outlive the request.
  [[nodiscard]] virtual batch::desk& jobs() = 0;
  /// Queued or running: kills its jail and answers the canceled run.
  virtual void cancel(std::string run_id, reply<run> done) = 0;
  virtual void stages(reply<std::vector<stage_status>> done) = 0;
  virtual void change_stage(std::string stage, stage_change change, reply<stage_status> done) = 0;

  /// Empty when ready; else the reason (a stage is unhealthy, the jailer is away, the store can't be written,
  /// draining).
  [[nodiscard]] virtual std::string not_ready_because() = 0;

  /// The last self-test of the jail's layers; may cause the next, and never waits for it.
  [[nodiscard]] virtual sandbox::jail_health layers() = 0;

  [[nodiscard]] virtual std::optional<run> find(const std::string& run_id) = 0;
  /// Nothing when it does not wait (any more).
  [[nodiscard]] virtual std::optional<standing> standing_of(const run& which) = 0;
  /// Nothing when the cursor is not one that list() gave.
  [[nodiscard]] virtual std::optional<run_page> list(const run_filter& filter) = 0;
  /// Events of a run with id > after, oldest first, at most `limit`.
  [[nodiscard]] virtual std::vector<run_event> events(const std::string& run_id, std::uint64_t after,
                                                      std::size_t limit) = 0;
  /// `poke` is called, on any thread, after events() would return more for that run. It must not block.
  [[nodiscard]] virtual std::unique_ptr<subscription> subscribe(const std::string& run_id,
                                                                std::function<void()> poke) = 0;
  /// Null where there are none. Lives as long as the service.
  [[nodiscard]] virtual prebuild::shelf* prebuilds() { return nullptr; }
  /// Absolute path of `report.json` or `report.html` of a run; nothing while there is none.
  [[nodiscard]] virtual std::optional<std::filesystem::path> report_file(const std::string& run_id,
                                                                         std::string_view file) = 0;
};

}  // namespace lazaret::actors
