#pragma once
/// Starts every stage, watches it, and starts it again when it dies: one-for-one, with exponential backoff; a stage
/// whose restart budget is spent is reported unhealthy (and still restarted, slowly). Gives everybody the new handles.
/// The front desk too: requests from outside are passed on to whoever stands for that stage at the moment.

#include <map>
#include <memory>
#include <set>
#include <string>

#include "actors/batch/batch.hpp"
#include "actors/ingress/ingress.hpp"
#include "actors/interactive/interactive.hpp"
#include "actors/janitor.hpp"
#include "actors/queue/queue.hpp"
#include "actors/rate_limit/rate_limit.hpp"
#include "actors/report/courier.hpp"
#include "actors/stage.hpp"

namespace lazaret::actors {

struct supervisor_options {
  std::set<std::string> absent;  ///< not started at all; see pipeline_options
  ingress_options ingress;
  rate_limit_options rate_limit;
  queue_options queue;
  std::array<work_function, 4> work;  ///< by work_stage
  courier_options courier;
  interactive_options interactive;
  batch_options batch;
  janitor_options janitor;
  restart_policy restarts;
  std::shared_ptr<store> runs;
  std::shared_ptr<board> figures;  ///< already holds each stage's concurrency and queue limit
};

class supervisor_state {
 public:
  static inline constexpr const char* name = "supervisor";
  explicit supervisor_state(supervisor_actor::stateful_pointer<supervisor_state> self) : self_{self} {}
  ~supervisor_state();
  supervisor_actor::behavior_type start(supervisor_options options);

 private:
  void raise(const std::string& who);
  void mourn(const caf::down_msg& down);
  void introduce();
  void hit(const strike& target);
  [[nodiscard]] std::string who_was(const caf::actor_addr& address) const;
  /// The stage whose health it is; empty: no stage's.
  [[nodiscard]] static std::string health_row(const std::string& who);

  supervisor_actor::stateful_pointer<supervisor_state> self_;
  supervisor_options options_;
  topology now_;
  std::map<std::string, restart_budget> budgets_;
  bool draining_ = false;
};

}  // namespace lazaret::actors
