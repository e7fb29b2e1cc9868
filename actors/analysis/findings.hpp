#pragma once
/// Applies the rule table to deeds and keeps, for each rule that holds, at most 10 lines of evidence. Not thread-safe.

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "actors/analysis/deeds.hpp"
#include "actors/analysis/rules.hpp"
#include "actors/run.hpp"

namespace lazaret::analysis {

/// A rule that holds, with what the verdict needs to know of it.
struct held_rule {
  const rule* what = nullptr;
  /// False: only the hook told of it although the observer would have seen it, so that it may be forged.
  bool confirmed = false;
  std::uint64_t times = 0;  ///< deeds that matched, each object once a phase
  std::vector<std::string> evidence;
};

class findings {
 public:
  /// `phase` is shown in the evidence.
  void take(const deed& d, phases where, std::string_view phase);
  /// A fact that the service itself knows, with the line that shows it.
  void state(act what, std::string object, phases where, std::string evidence);
  /// Every rule that holds, those that need others included; heaviest first.
  [[nodiscard]] std::vector<held_rule> held() const;

 private:
  void hold(std::size_t index, bool confirmed, std::string evidence);

  std::vector<held_rule> by_rule_ = std::vector<held_rule>(rules().size());
  std::unordered_set<std::string> seen_;  ///< act, place and object of what was matched before; bounded
};

/// `install: read /root/.ssh/id_rsa, by setup.py:3 in <module> [hook: open]`. One line, at most 400 characters; control
/// characters as \xNN.
[[nodiscard]] std::string evidence_of(const deed& d, std::string_view phase);
[[nodiscard]] std::string one_line(std::string_view text, std::size_t longest = 400);

}  // namespace lazaret::analysis
