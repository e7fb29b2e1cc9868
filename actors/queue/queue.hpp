#pragma once
/// The durable queue: accepts runs, gives them to the stages when those have room, and writes every result before the
/// next stage hears of it. The only writer of a run's state.
///
/// A run that has not ended is at one stage, and either waits there (in a lane, or for a retry) or is claimed by one
/// ticket. A result whose ticket is not the current claim is void: of a stage that was given up for dead, of a canceled
/// run. Blocks on the store, so it runs on a thread of its own.

#include <array>
#include <deque>
#include <string>
#include <unordered_map>

#include "actors/board.hpp"
#include "actors/messages.hpp"
#include "actors/store.hpp"

namespace lazaret::actors {

struct queue_options {
  /// QUEUE_LIMIT: runs that wait besides those that are being worked on, up to and including execution.
  std::size_t limit = 20;
  bool deliver_reports = false;  ///< a webhook is configured
  /// Claims whose worker died before the run is set aside as poison.
  int max_crashes = 3;
  /// Retries of a stage that could not do its work through no fault of the run, 0.25 s to 8 s apart.
  int max_retries = 8;
};

class queue_state {
 public:
  static inline constexpr const char* name = "queue";
  explicit queue_state(queue_actor::stateful_pointer<queue_state> self) : self_{self} {}
  queue_actor::behavior_type start(queue_options options, std::shared_ptr<store> runs, std::shared_ptr<board> figures);

 private:
  struct entry {
    run what;
    work_stage at = work_stage::download;
    int attempt = 0;
    bool claimed = false;
    int crashes = 0, retries = 0;
  };
  struct lane {
    stage_actor stage;
    std::deque<std::string> waiting;  ///< may name runs that have gone; looked up before use
    std::ptrdiff_t room = 0;
    std::size_t concurrency = 1;
  };

  void reload();
  caf::result<accepted> accept(enqueue& request);
  void take_on(const enlist& stage);
  void take_on(const demand& stage);
  void mark(const begin& started);
  caf::result<recorded> record(finish& done);
  void reclaim(const give_back& lost);
  caf::result<canceled> end_early(const cancel& request);
  void note_delivery(const delivered& report);
  caf::result<adjusted> limit(const adjust& request);

  [[nodiscard]] bool is_full() const;
  [[nodiscard]] bool save(const entry& e, std::optional<work_stage> next, std::vector<new_event> events);
  [[nodiscard]] bool advance(entry changed, std::optional<work_stage> next, std::vector<new_event> events);
  [[nodiscard]] bool conclude(entry changed, status how);
  [[nodiscard]] bool retry_later(entry changed, const stage_failure& why);
  void add(entry e);
  void release(entry& e);
  void remove(const std::string& run_id);
  void wait(const entry& e);
  void hand_out(work_stage stage);
  void show();
  [[nodiscard]] lane& lane_of(work_stage s) { return lanes_[static_cast<std::size_t>(s)]; }
  [[nodiscard]] entry* claimed_by(const ticket& t);

  queue_actor::stateful_pointer<queue_state> self_;
  queue_options options_;
  std::shared_ptr<store> store_;
  std::shared_ptr<board> board_;
  std::shared_ptr<const topology> neighbours_;
  std::unordered_map<std::string, entry> entries_;
  std::array<lane, 4> lanes_;
  std::array<std::size_t, 4> population_{};  ///< entries at each stage
  std::size_t claimed_ = 0;
  bool draining_ = false;
};

}  // namespace lazaret::actors
