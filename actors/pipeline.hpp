#pragma once
/// The pipeline as http/ sees it: an actor system of its own behind actors/service.hpp. Construction starts every
/// stage and goes on with what the store holds; destruction ends every actor and waits for their work to stop.

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/batch/folder.hpp"
#include "actors/batch/ledger.hpp"
#include "actors/queue/reuse.hpp"
#include "actors/restart_budget.hpp"
#include "actors/service.hpp"
#include "actors/store.hpp"
#include "actors/work.hpp"
#include "metrics/instruments.hpp"

namespace lazaret::actors {

struct stage_setting {
  std::size_t concurrency = 2;
  std::size_t queue_limit = 1;  ///< taken from the store before a worker is free; more are withheld from other nodes
};

/// People's code; see interactive/interactive.hpp.
struct interactive_setting {
  std::size_t concurrency = 4;
  std::size_t queue_limit = 64;
  std::size_t per_address = 0, per_key = 0;
  std::chrono::milliseconds patience{10'000};
  /// Null when it could not be done for reasons that are not the request's. Empty: everybody is refused.
  std::function<std::shared_ptr<execution_answer>(const execution_request&, std::stop_token)> work;
};

/// Jobs; see batch/batch.hpp.
struct batch_setting {
  std::shared_ptr<batch::ledger> jobs;  ///< null: there is no such stage
  std::shared_ptr<batch::folder> files;
  std::map<std::string, batch::work_function> work;  ///< by front end
  bool works = true;                                 ///< false: jobs are taken and kept, and none is begun
  std::size_t concurrency = 2;
  std::size_t queue_limit = 100;
  std::chrono::seconds retention{7 * 24 * 3600};  ///< JOB_RETENTION_HOURS
  std::uint64_t retention_max_bytes = 0;          ///< JOB_RETENTION_MAX_BYTES; 0: no bound
  std::chrono::milliseconds first_retry{250};
  std::chrono::milliseconds cancel_patience{5'000};
};

struct pipeline_options {
  /// Stages that this node leaves to others that share its store: of the work stages, `interactive` and `batch`.
  std::set<std::string> absent;
  std::size_t queue_limit = 20;           ///< QUEUE_LIMIT
  std::vector<std::string> denylist;      ///< PACKAGE_DENYLIST
  std::size_t rate_limit = 30;            ///< PER_IP_RATE_LIMIT
  std::chrono::seconds rate_window{60};   ///< PER_IP_RATE_WINDOW_SEC
  std::chrono::seconds lease{30};         ///< LEASE_SEC
  reuse_rules reuse;                      ///< VERDICT_TTL
  std::chrono::seconds retention{0};      ///< RETENTION_DAYS: runs that ended so long ago go; 0: none
  std::uint64_t retention_max_bytes = 0;  ///< RETENTION_MAX_BYTES: the longest ended go until the rest fit; 0: none
  std::chrono::milliseconds janitor_every{60'000};
  /// Why nothing can be forgotten; empty: it can be again. On a thread of the pipeline's.
  std::function<void(const std::string& trouble)> janitor_trouble;
  std::array<stage_setting, 4> stages;  ///< by work_stage
  std::array<work_function, 4> work;    ///< by work_stage
  delivery_function deliver;            ///< empty: no webhook
  interactive_setting interactive;
  batch_setting batch;
  std::chrono::milliseconds first_delivery_wait{1'000};
  restart_policy restarts;
  run_places places;
  /// Empty when the jailer can be used; else why not. Asked by not_ready_because().
  std::function<std::string()> jailer_trouble;
  std::function<sandbox::jail_health()> layers;  ///< empty: nothing is known of them
  std::size_t scheduler_threads = 2;
  prebuild::shelf* prebuilds = nullptr;  ///< outlives the pipeline
};

class pipeline final : public service {
 public:
  pipeline(pipeline_options options, std::shared_ptr<store> runs, metrics::instruments& meters);
  ~pipeline() override;

  void submit(submission what, std::optional<durable::idempotency> key, reply<submitted_run> done) override;
  void execute(std::shared_ptr<const execution_request> what, claimant who, std::stop_token stop,
               reply<std::shared_ptr<execution_answer>> done) override;
  void check_room(claimant who, reply<bool> done) override;
  [[nodiscard]] batch::desk& jobs() override;
  void cancel(std::string run_id, reply<run> done) override;
  void stages(reply<std::vector<stage_status>> done) override;
  void change_stage(std::string stage, stage_change change, reply<stage_status> done) override;
  [[nodiscard]] std::string not_ready_because() override;
  [[nodiscard]] sandbox::jail_health layers() override;
  [[nodiscard]] std::optional<run> find(const std::string& run_id) override;
  [[nodiscard]] std::optional<standing> standing_of(const run& which) override;
  [[nodiscard]] std::optional<run_page> list(const run_filter& filter) override;
  [[nodiscard]] std::vector<run_event> events(const std::string& run_id, std::uint64_t after,
                                              std::size_t limit) override;
  [[nodiscard]] std::unique_ptr<subscription> subscribe(const std::string& run_id, std::function<void()> poke) override;
  [[nodiscard]] std::optional<std::filesystem::path> report_file(const std::string& run_id,
                                                                 std::string_view file) override;

  [[nodiscard]] prebuild::shelf* prebuilds() override;

  /// Takes nothing new and waits, at most `patience`, for what the workers hold. What is left goes on after a restart.
  void drain(std::chrono::milliseconds patience);

  /// Fault injection: kills the actor that stands for `who` (a stage's name or `courier`), or one of its workers.
  void strike(const std::string& who, bool worker = false);

 private:
  struct system;
  std::unique_ptr<system> system_;
};

}  // namespace lazaret::actors
