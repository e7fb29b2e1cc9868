#pragma once
/// Carries finished reports to the webhook, beside the report stage so that a slow or dead webhook holds up no run.
/// Which runs still have to be delivered is in the store's queue `delivery`; this actor may die at any time. Delivery
/// is at least once, and each carries the run's id as its `Idempotency-Key`.

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "actors/board.hpp"
#include "actors/messages.hpp"
#include "actors/poison.hpp"
#include "actors/store.hpp"

namespace lazaret::actors {

struct courier_options {
  delivery_function attempt;  ///< empty: there is no webhook, and what waits stays
  std::shared_ptr<store> runs;
  int max_attempts = 6;
  poison_rules poison;
  std::chrono::milliseconds first_wait{1'000};  ///< doubles with each attempt
  std::chrono::milliseconds longest_wait{60'000};
  /// Longer than any attempt takes: nothing renews it meanwhile.
  std::chrono::milliseconds lease{300'000};
};

class courier_state {
 public:
  static inline constexpr const char* name = "courier";
  explicit courier_state(courier_actor::stateful_pointer<courier_state> self) : self_{self} {}
  courier_actor::behavior_type start(courier_options options, std::shared_ptr<board> figures);

 private:
  struct outcome {
    durable::claim claim;
    step now;
  };
  void carry();
  [[nodiscard]] outcome attempt(held_run& one);
  /// False while the store can't be written: what was sent must not be sent again for that.
  [[nodiscard]] bool settle();

  courier_actor::stateful_pointer<courier_state> self_;
  courier_options options_;
  std::shared_ptr<board> board_;
  std::optional<outcome> unwritten_;
  std::shared_ptr<std::atomic<bool>> poked_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<durable::subscription> watch_;
};

}  // namespace lazaret::actors
