#pragma once
/// A working stage (download, execution, analysis, report): a bounded buffer of assignments and N workers, N and the
/// bound tunable while it runs. What the work is comes as a function; the stage knows the queue and nobody else.
///
/// Workers are detached actors: the work blocks. One that dies is replaced within the restart budget, and its run goes
/// back to the queue. A stage that is itself restarted holds nothing; the queue gives its runs out again.

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "actors/board.hpp"
#include "actors/crew.hpp"
#include "actors/messages.hpp"
#include "actors/restart_budget.hpp"

namespace lazaret::actors {

struct stage_options {
  work_stage stage = work_stage::download;
  work_function work;
  restart_policy restarts;
};

inline constexpr std::size_t max_workers = 64;
inline constexpr std::size_t max_stage_queue = 100'000;

class stage_state {
 public:
  const char* name = "stage";  // the stage's own, once started
  explicit stage_state(stage_actor::stateful_pointer<stage_state> self) : self_{self} {}
  ~stage_state();
  /// Settings (concurrency, queue limit) are those on the board.
  stage_actor::behavior_type start(stage_options options, std::shared_ptr<board> figures);

 private:
  /// An assignment whose result the queue has not recorded yet.
  struct task {
    assignment what;
    std::stop_source stop;
    worker_actor worker;  ///< empty when done, or not begun
    std::chrono::steady_clock::time_point began;
    std::optional<stage_result> result;
  };

  void accept(assignment& work);
  void abort(const std::string& run_id);
  void complete(job_done& done);
  void confirm(const ticket& t);
  void replace(const caf::down_msg& down);
  caf::result<adjusted> change(const adjust& request);
  void strike_worker();
  void meet(const wire& w);

  void pump();
  void begin_task(task& t);
  void forget(const ticket& t);
  [[nodiscard]] std::size_t room() const;
  void show();

  stage_actor::stateful_pointer<stage_state> self_;
  stage_options options_;
  std::shared_ptr<board> board_;
  queue_actor queue_;
  std::unique_ptr<crew<stage_actor::stateful_pointer<stage_state>, worker_actor>> crew_;
  std::size_t limit_ = 1;
  std::deque<assignment> buffer_;
  std::unordered_map<std::string, task> tasks_;  ///< by run id
};

/// What is wrong with a stage's new settings; none: an empty error.
[[nodiscard]] caf::error check(const stage_change& wanted);

/// A worker that nobody killed fell with an exception, which is the deed of what it worked on.
[[nodiscard]] bool fell_by_itself(const caf::down_msg& down);

[[nodiscard]] worker_actor::behavior_type worker(worker_actor::pointer self, work_function work);

}  // namespace lazaret::actors
