#pragma once
/// Which jails are worth preparing before they are asked for: those of the few kinds that were asked for lately, and
/// more than once. Keeps the books only; the jailer makes and destroys the jails. Single-threaded.

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

class stock {
 public:
  using number = std::uint64_t;  ///< of a jail
  /// `ahead`: jails of one kind that may wait for their programs. 0: none.
  explicit stock(std::size_t ahead) : ahead_{ahead} {}

  /// Somebody asks for such a jail. Answers with one that waits, which it leaves the books. Two policies are of one
  /// kind when they differ in nothing but what protocol::program says.
  [[nodiscard]] std::optional<number> take(const policy& what);
  /// What to prepare next, if anything.
  [[nodiscard]] const policy* missing() const;
  /// That was prepared.
  void add(number made);
  /// It ended by itself.
  void forget(number gone);
  /// Those whose kind has not been asked for lately: to be destroyed. They have left the books.
  [[nodiscard]] std::vector<number> expired() { return std::exchange(expired_, {}); }

 private:
  static constexpr std::size_t max_kinds = 4;
  struct kind {
    std::string key;
    policy what;
    bool wanted_again = false;  ///< most jails of a mixed lot are never asked for a second time
    std::vector<number> waiting;
  };
  [[nodiscard]] bool lacks(const kind& k) const { return k.wanted_again && k.waiting.size() < ahead_; }

  std::size_t ahead_;
  std::list<kind> kinds_;  ///< the last one asked for first
  std::vector<number> expired_;
};

}  // namespace lazaret::sandbox
