#pragma once
/// The batch stage: jobs, which outlive the request that asked for them and the service too. A bounded line in order of
/// acceptance, N workers, both tunable while it runs; the only writer of a job's state. At least once, effect once: an
/// attempt whose worker, actor or service died is begun again with a log and artefacts of its own, and what the old one
/// may still say is void. Blocks on the store, so it runs on a thread of its own.

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "actors/batch/folder.hpp"
#include "actors/batch/job_store.hpp"
#include "actors/crew.hpp"
#include "actors/event_hub.hpp"
#include "actors/messages.hpp"

namespace lazaret::actors {

struct batch_options {
  std::shared_ptr<batch::job_store> jobs;
  std::shared_ptr<batch::folder> files;
  std::shared_ptr<event_hub> hub;                    ///< poked with a job's id when its log or its status changes
  std::map<std::string, batch::work_function> work;  ///< by front end
  bool works = true;                                 ///< INLINE_WORKER; false: takes jobs and begins none
  std::chrono::seconds retention{7 * 24 * 3600};     ///< of a job that has ended
  std::chrono::milliseconds sweep_every{60'000};     ///< looks for what is older
  std::chrono::milliseconds first_retry{250};        ///< after the store or the jailer failed; doubles, up to 8 s
  int max_crashes = 3;                               ///< workers that a job may take down
  int max_retries = 8;                               ///< attempts that got no jail
  restart_policy restarts;
};

class batch_state {
 public:
  static inline constexpr const char* name = "batch";
  explicit batch_state(batch_actor::stateful_pointer<batch_state> self) : self_{self} {}
  /// Ends the jails of what is in hand; the jobs go on with the next actor.
  ~batch_state();
  /// Concurrency and queue limit are those on the board.
  batch_actor::behavior_type start(batch_options options, std::shared_ptr<board> figures);

 private:
  using found_job = std::shared_ptr<const batch::job>;
  using promise = caf::typed_response_promise<job_state>;
  struct entry {
    batch::job what;
    batch_worker_actor worker;  ///< empty while it waits
    std::stop_source stop;
    std::chrono::steady_clock::time_point began;
    bool canceled = false;
    bool concluded = false;  ///< `what` is how it ended, and not yet on disk
    int crashes = 0, retries = 0;
  };
  struct waiter {
    std::uint64_t number;
    promise answer;
  };

  void reload();
  caf::result<committed> accept(commit_job& request);
  caf::result<job_state> end_early(const cancel_job& request);
  caf::result<job_state> await(const await_job& request);
  void expire(const expire_wait& late);
  void complete(job_ran& done);
  void replace(const caf::down_msg& down);
  void resume(const std::string& id);
  void sweep();
  void close();
  caf::result<adjusted> change(const adjust& request);
  void strike_worker();

  void pump();
  [[nodiscard]] bool begin(entry& e);
  void again(entry& e, std::chrono::milliseconds later);
  void conclude(entry& e, batch::verdict how);
  void settle(const std::string& id);
  promise& promised(const std::string& id, std::uint64_t number = 0);
  [[nodiscard]] std::chrono::milliseconds wait_after(int retries) const;
  void show();

  batch_actor::stateful_pointer<batch_state> self_;
  batch_options options_;
  std::shared_ptr<board> board_;
  std::unique_ptr<crew<batch_actor::stateful_pointer<batch_state>, batch_worker_actor>> crew_;
  std::size_t limit_ = 1;
  std::unordered_map<std::string, entry> entries_;  ///< that have not ended
  std::deque<std::string> line_;
  std::unordered_multimap<std::string, waiter> waiters_;
  std::uint64_t last_waiter_ = 0, sweeps_ = 0;
  bool draining_ = false;
};

/// Does one job after the other with the function of its front end.
[[nodiscard]] batch_worker_actor::behavior_type batch_worker(batch_worker_actor::pointer self,
                                                             const batch_options& options);

}  // namespace lazaret::actors
