#pragma once
/// Between the store and the stages: takes runs from the store when a stage has room, and writes every result there
/// before the next stage can be given it. What is to be done is in the store; this holds only what it has claimed for
/// the stages of this process, and renews those leases. Others may work on the same store.
///
/// A result whose ticket is not a claim that is held is void: of a stage that was given up for dead, of a canceled run.
/// What the store answers decides in the end: whoever has a newer claim wins. Blocks on the store, so it runs on a
/// thread of its own.

#include <array>
#include <atomic>
#include <caf/typed_response_promise.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/board.hpp"
#include "actors/messages.hpp"
#include "actors/poison.hpp"
#include "actors/queue/progress.hpp"
#include "actors/queue/reuse.hpp"
#include "actors/store.hpp"

namespace lazaret::actors {

struct queue_options {
  /// QUEUE_LIMIT: runs that wait besides those that are being worked on, up to and including execution.
  std::size_t limit = 20;
  progress_rules rules;
  reuse_rules reuse;
  poison_rules poison;
  /// For how long a run is this process's without a sign of life. Three renewals may fail.
  std::chrono::milliseconds lease{30'000};
};

class queue_state {
 public:
  static inline constexpr const char* name = "queue";
  explicit queue_state(queue_actor::stateful_pointer<queue_state> self) : self_{self} {}
  ~queue_state();
  queue_actor::behavior_type start(queue_options options, std::shared_ptr<store> runs, std::shared_ptr<board> figures);

 private:
  struct entry {
    durable::claim claim;
    run what;
    work_stage at = work_stage::download;
    bool begun = false;  ///< a worker has taken it up
    std::shared_ptr<std::atomic<bool>> poked = std::make_shared<std::atomic<bool>>(false);
    std::unique_ptr<subscription> watch = nullptr;
  };
  struct lane {
    stage_actor stage;
    std::ptrdiff_t room = 0;
    std::size_t concurrency = 1;
    std::shared_ptr<std::atomic<bool>> poked = std::make_shared<std::atomic<bool>>(false);
    std::unique_ptr<durable::subscription> watch;
  };

  caf::result<accepted> accept(enqueue& request);
  caf::result<recognised> look_up(const recognise& question);
  void write_all();
  void take_on(const enlist& stage);
  void take_on(const demand& stage);
  void mark(const begin& started);
  caf::result<recorded> record(finish& done);
  [[nodiscard]] step or_earlier_verdict(step outcome);
  void reclaim(const give_back& lost);
  caf::result<canceled> end_early(const cancel& request);
  caf::result<adjusted> limit(const adjust& request);
  void renew();
  void look_at(const std::string& run_id);
  void hand_back_what_waits();

  [[nodiscard]] std::size_t room_left() const;
  void watch(work_stage stage);
  void hand_out(work_stage stage);
  void assign(lane& to, work_stage stage, held_run one);
  void adopt(const ticket& held);
  void hold(const std::string& run_id, entry what);
  /// Somebody else has it, or nobody is to have it any more.
  void drop(const std::string& run_id);
  void show();
  [[nodiscard]] lane& lane_of(work_stage s) { return lanes_[static_cast<std::size_t>(s)]; }
  [[nodiscard]] entry* held_by(const ticket& t);

  queue_actor::stateful_pointer<queue_state> self_;
  queue_options options_;
  std::shared_ptr<store> store_;
  std::shared_ptr<board> board_;
  std::unordered_map<std::string, entry> held_;  ///< by run id
  std::array<lane, 4> lanes_;
  struct arrival {
    run what;
    std::optional<durable::idempotency> key;
    caf::typed_response_promise<accepted> answer;
  };
  std::vector<arrival> arrivals_;  ///< accepted, but not yet written
  bool draining_ = false;
  bool overdue_ = false;  ///< the store could not be reached when leases were to be renewed
};

}  // namespace lazaret::actors
