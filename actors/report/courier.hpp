#pragma once
/// Carries finished reports to the webhook, beside the report stage so that a slow or dead webhook holds up no run.
/// Which runs still have to be delivered is in the store; this actor may die at any time. Delivery is at least once.

#include <memory>
#include <string>
#include <unordered_map>

#include "actors/board.hpp"
#include "actors/messages.hpp"
#include "actors/store.hpp"

namespace lazaret::actors {

struct courier_options {
  delivery_function attempt;
  std::shared_ptr<store> runs;
  int max_attempts = 6;
  std::chrono::milliseconds first_wait{1'000};  ///< doubles with each attempt
  std::chrono::milliseconds longest_wait{60'000};
};

class courier_state {
 public:
  static inline constexpr const char* name = "courier";
  explicit courier_state(courier_actor::stateful_pointer<courier_state> self) : self_{self} {}
  courier_actor::behavior_type start(courier_options options, std::shared_ptr<board> figures);

 private:
  void carry(const std::string& run_id);
  courier_actor::stateful_pointer<courier_state> self_;
  courier_options options_;
  std::shared_ptr<board> board_;
  queue_actor queue_;
  std::unordered_map<std::string, int> attempts_;  ///< by run id; those not settled yet
};

}  // namespace lazaret::actors
