#pragma once
/// The batch stage: jobs, which outlive the request that asked for them and the service too. They wait in the store,
/// in fair turns between clients; this takes as many as it has workers for, and renews those leases. Other nodes may
/// work on the same store. At least once, effect once: an attempt whose worker, actor, service or node died is begun
/// again with a log and artefacts of its own, and what the old one may still say is void. What the store answers
/// decides in the end: whoever has a newer claim wins. Blocks on the store, so it runs on a thread of its own.

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "actors/batch/folder.hpp"
#include "actors/batch/ledger.hpp"
#include "actors/batch/log_watch.hpp"
#include "actors/crew.hpp"
#include "actors/messages.hpp"
#include "actors/poison.hpp"

namespace lazaret::actors {

struct batch_options {
  std::shared_ptr<batch::ledger> jobs;
  std::shared_ptr<batch::folder> files;
  std::shared_ptr<batch::log_watch> logs;            ///< is told what is written to a job's log here
  std::map<std::string, batch::work_function> work;  ///< by front end
  bool works = true;                                 ///< INLINE_WORKER; false: takes jobs and begins none
  std::chrono::milliseconds first_retry{250};        ///< after the store or the jailer failed; doubles, up to 8 s
  poison_rules poison;
  int max_retries = 8;  ///< attempts that got no jail
  /// For how long a job is this process's without a sign of life. Three renewals may fail.
  std::chrono::milliseconds lease{30'000};
  /// For another node to end a job that is to be canceled there; then it ends without its output.
  std::chrono::milliseconds cancel_patience{5'000};
  restart_policy restarts;
};

class batch_state {
 public:
  static inline constexpr const char* name = batch::job_queue;
  explicit batch_state(batch_actor::stateful_pointer<batch_state> self) : self_{self} {}
  /// Ends the jails of what is in hand; the jobs go on with the next actor, or after a drain with whoever is first.
  ~batch_state();
  /// Concurrency and queue limit are those on the board.
  batch_actor::behavior_type start(batch_options options, std::shared_ptr<board> figures);

 private:
  using promise = caf::typed_response_promise<job_state>;
  /// A claim of ours.
  struct entry {
    durable::claim claim;
    batch::job what;
    batch_worker_actor worker;  ///< empty before it began and once it is done
    std::stop_source stop;
    std::chrono::steady_clock::time_point began;
    bool canceled = false;
    bool poisoned = false;
    bool concluded = false;  ///< `what` is how it ended, and not yet in the store
    bool lost = false;       ///< the claim is void: nothing that the worker makes of it counts
    std::unique_ptr<durable::subscription> watch;
  };
  using entries = std::list<entry>;
  struct waiter {
    std::string id;
    promise answer;
    bool cancels = false;
    std::unique_ptr<durable::subscription> watch;
  };

  // batch.cpp
  caf::result<committed> accept(commit_job& request);
  void complete(job_ran& done);
  void replace(const caf::down_msg& down);
  void resume(const resume_job& due);
  void renew();
  caf::result<adjusted> change(const adjust& request);
  void strike_worker();
  void close();
  void hand_out();
  void begin(entries::iterator e);
  void conclude(entries::iterator e, batch::verdict how);
  void settle(entries::iterator e);
  void later(const entry& e);
  void put_back(entry& e, std::chrono::milliseconds wait, bool died);
  void drop(entries::iterator e);
  [[nodiscard]] entries::iterator in_hand(const std::string& id);
  [[nodiscard]] entries::iterator in_hand(const std::string& id, int attempt);
  [[nodiscard]] std::chrono::milliseconds wait_after(int tries) const;
  [[nodiscard]] std::function<void()> look_later(const std::string& id);
  void show();

  // waiting.cpp
  caf::result<job_state> end_early(const cancel_job& request);
  caf::result<job_state> await(const await_job& request);
  void look_at(const std::string& id);
  void expire(const expire_wait& late);
  promise wait_for(const std::string& id, bool cancels, std::optional<std::chrono::milliseconds> within);
  void answer_waiters(const batch::job& ended);
  void end_elsewhere(waiter& asker);

  batch_actor::stateful_pointer<batch_state> self_;
  batch_options options_;
  std::shared_ptr<board> board_;
  std::unique_ptr<crew<batch_actor::stateful_pointer<batch_state>, batch_worker_actor>> crew_;
  std::size_t limit_ = 1;
  entries entries_;
  std::unordered_map<std::uint64_t, waiter> waiters_;
  std::uint64_t last_waiter_ = 0;
  std::shared_ptr<std::atomic<bool>> poked_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<durable::subscription> watch_;
  bool draining_ = false;
};

/// Does one job after the other with the function of its front end.
[[nodiscard]] batch_worker_actor::behavior_type batch_worker(batch_worker_actor::pointer self,
                                                             const batch_options& options);

}  // namespace lazaret::actors
