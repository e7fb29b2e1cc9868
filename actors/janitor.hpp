#pragma once
/// Forgets what has ended (actors/retention/retention.hpp) and what has expired in the store, in rounds of small steps
/// with rests between them. Blocks on the store and the disk, so it runs on a thread of its own. It keeps nothing that
/// isn't found again: it may die at any time. What can't be forgotten now (the store is away, the disk is read-only) is
/// told once, met again in the next round, and told again when a round has come to its end without such.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/board.hpp"
#include "actors/messages.hpp"
#include "actors/retention/retention.hpp"

namespace lazaret::actors {

struct janitor_options {
  std::vector<retention_options> kinds;
  std::function<sandbox::result<std::size_t>(std::size_t most)> tidy;  ///< of the store: how many have expired
  std::chrono::milliseconds every{60'000};                             ///< between rounds
  /// Why nothing can be forgotten, a sentence; empty: it can be again. May be empty itself. On the janitor's thread.
  std::function<void(const std::string& trouble)> tell;
};

class janitor_state {
 public:
  static inline constexpr const char* name = "janitor";
  explicit janitor_state(janitor_actor::stateful_pointer<janitor_state> self) : self_{self} {}
  janitor_actor::behavior_type start(janitor_options options, std::shared_ptr<board> figures);

  static constexpr std::chrono::milliseconds rest{50};
  static constexpr std::size_t expired_at_once = 100;

 private:
  void work();
  /// One step of each; false when this round is over.
  [[nodiscard]] sandbox::result<bool> forget_some();
  void tell(const std::string& trouble);

  janitor_actor::stateful_pointer<janitor_state> self_;
  janitor_options options_;
  std::shared_ptr<board> board_;
  std::vector<std::unique_ptr<retention>> kinds_;
  bool in_round_ = false, in_trouble_ = false;
};

}  // namespace lazaret::actors
