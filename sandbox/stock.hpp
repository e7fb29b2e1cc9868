#pragma once
/// Which jails are worth preparing before they are asked for: those of the few kinds that were asked for lately, and
/// more than once. Keeps the books only; the jailer makes and destroys the jails. Single-threaded.
///
/// A jail with volumes is prepared with volumes of its own, which are handed out when volumes are asked for: whoever
/// then starts such a jail with just these finds it waiting.

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/jailer.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

class stock {
 public:
  using number = std::uint64_t;     ///< of a jail
  using volume_id = std::uint64_t;  ///< of a volume

  /// All that jails of one kind have in common.
  struct pattern {
    policy what;
    std::vector<volume_options> volumes;  ///< each fresh; by the index that policy::volumes names
  };
  struct waiting {
    number jail = 0;
    std::vector<volume_id> volumes{};
    std::size_t handed_out = 0;  ///< the first so many
  };

  /// `ahead`: jails of one kind that may wait for their programs. 0: none.
  explicit stock(std::size_t ahead) : ahead_{ahead} {}
  [[nodiscard]] bool keeps_any() const noexcept { return ahead_ != 0; }

  /// Somebody asks for such a jail with these volumes. `key`: protocol::kind_of() what they asked for. Answers with one
  /// that waits, which it leaves the books.
  [[nodiscard]] std::optional<number> take(const std::string& key, const pattern& like,
                                           const std::vector<volume_id>& volumes);
  /// Somebody asks for a volume, for a jail of the kind of this number (protocol::number_of).
  [[nodiscard]] std::optional<volume_id> hand_out(std::uint64_t wanted, const volume_options& options);
  /// Would the next one of some kind find none that waits?
  [[nodiscard]] bool has_run_out() const;
  /// What to prepare next, if anything.
  [[nodiscard]] const pattern* missing() const;
  /// That was prepared.
  void add(waiting made);
  /// It ended by itself.
  void forget(number gone);
  /// This volume is dropped, or used by another jail than the one that waits with it.
  void forget_volume(volume_id gone);
  /// To be destroyed, jails with those of their volumes that are not handed out: their kind has not been asked for
  /// lately, or they can't be asked for any more. They have left the books.
  [[nodiscard]] std::vector<waiting> expired() { return std::exchange(expired_, {}); }

 private:
  static constexpr std::size_t max_kinds = 4;
  /// What is in the books is in the jailer, and each jail is a fork of it.
  static constexpr std::size_t largest_key = 64 << 10;
  struct kind {
    std::string key;
    std::uint64_t number;
    pattern like;
    bool wanted_again = false;  ///< most jails of a mixed lot are never asked for a second time
    std::vector<waiting> all{};
  };
  [[nodiscard]] static std::size_t untouched(const kind& k);
  [[nodiscard]] bool lacks(const kind& k) const { return k.wanted_again && untouched(k) < ahead_; }
  template <class Predicate>
  void expire_if(Predicate is_over);

  std::size_t ahead_;
  std::list<kind> kinds_;  ///< the last one asked for first
  std::vector<waiting> expired_;
};

}  // namespace lazaret::sandbox
