#pragma once
/// The interactive stage: people's code runs at once or not at all. A bounded line, N workers, both tunable while it
/// runs. Nothing of it is stored: whoever asked is waiting on a connection.
///
/// Fair between keys, and within a key between addresses: a free worker goes to the key with the fewest runs in hand,
/// of its addresses to the one with the fewest, the longest waiting first among equals. A full line makes room for a
/// key that has less in it than the one with the most, or an address of one key likewise: the newest there goes
/// ("longest queue drop": Suter et al., Buffer Management Schemes for Supporting TCP in Gigabit Routers, 1999). So one
/// client alone may use everything, and two have half each; behind one proxy it is their keys that tell them apart,
/// with one key for all it is their addresses.

#include <chrono>
#include <compare>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "actors/board.hpp"
#include "actors/crew.hpp"
#include "actors/messages.hpp"
#include "actors/restart_budget.hpp"

namespace lazaret::actors {

struct interactive_options {
  /// Blocking; called on a worker's own thread. An exception kills the worker, not the service.
  perform_function work;
  /// How long somebody may wait for a worker. People don't wait longer, and their connection is worth more.
  std::chrono::milliseconds patience{10'000};
  /// In hand, of one address and of one key; 0: as many as there are workers while nobody else waits.
  std::size_t per_address = 0, per_key = 0;
  restart_policy restarts;
};

class interactive_state {
 public:
  static inline constexpr const char* name = "interactive";
  explicit interactive_state(interactive_actor::stateful_pointer<interactive_state> self) : self_{self} {}
  /// Refuses whoever still waits: a promise that is forgotten would keep them waiting.
  ~interactive_state();
  /// Settings (concurrency, queue limit) are those on the board.
  interactive_actor::behavior_type start(interactive_options options, std::shared_ptr<board> figures);

 private:
  using promise = caf::typed_response_promise<ran>;
  struct errand {
    run_now what;
    promise answer;
    runner_actor worker;  ///< empty while it waits
    std::chrono::steady_clock::time_point since;
  };
  /// How much of something somebody has: by key, and within it by address. No zeros are kept.
  class tally {
   public:
    struct standing {
      std::size_t key = 0, address = 0;
      auto operator<=>(const standing&) const = default;
    };
    [[nodiscard]] standing of(const claimant& who) const;
    [[nodiscard]] std::size_t of_address(const std::string& address) const;
    void add(const claimant& who);
    void remove(const claimant& who);

   private:
    using counts = std::unordered_map<std::string, std::size_t>;
    static void less(counts& all, const std::string& name);
    [[nodiscard]] static std::size_t at(const counts& all, const std::string& name);
    counts keys_, addresses_, both_;
  };
  using errands = std::unordered_map<std::uint64_t, errand>;

  caf::result<ran> accept(run_now& request);
  caf::result<room_checked> check(const check_room& request);
  void complete(ran_by& done);
  void expire(std::uint64_t id);
  void replace(const caf::down_msg& down);
  caf::result<adjusted> change(const adjust& request);
  void strike_worker();
  void close();

  void pump();
  /// Whose place in a full line this claimant may have; 0: nobody's.
  [[nodiscard]] std::uint64_t find_displaced(const claimant& by) const;
  void drop_waiting(std::uint64_t id, fault why, const char* detail, std::string_view reason);
  [[nodiscard]] bool may_begin(const claimant& who) const;
  void forget_who_left();
  void refuse(errand& whose, fault why, const char* detail);
  void show();

  interactive_actor::stateful_pointer<interactive_state> self_;
  interactive_options options_;
  std::shared_ptr<board> board_;
  std::unique_ptr<crew<interactive_actor::stateful_pointer<interactive_state>, runner_actor>> crew_;
  std::size_t limit_ = 1;
  std::deque<std::uint64_t> line_;  ///< who waits, longest first
  errands errands_;                 ///< who waits and who is being served
  tally in_hand_;
  std::uint64_t last_ = 0;
  bool draining_ = false;
};

[[nodiscard]] runner_actor::behavior_type runner(runner_actor::pointer self, perform_function work);

}  // namespace lazaret::actors
