#pragma once
/// The five lists of compat/triage: what a person wants to see of a run at a glance, from hook and observer together.
/// In order of first sight, without repeats, at most 500 entries each of at most 500 characters.
///
/// `files_read` leaves out what the interpreter reads of itself (its standard library, pip's own wheel), which is the
/// same for every package and would fill the list. Not thread-safe.

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>

#include "actors/analysis/deeds.hpp"
#include "actors/run.hpp"

namespace lazaret::analysis {

class highlighter {
 public:
  void take(const deed& d);
  /// Counts every event, also those that are no deed; `lazaret.skipped` adds what the hook only counted.
  void count(const audit_line& line);
  [[nodiscard]] actors::highlights list() const;

 private:
  void add(std::vector<std::string>& to, std::string entry);

  actors::highlights lists_;
  std::unordered_set<std::string> seen_;
  std::map<std::string, std::uint64_t, std::less<>>
      counts_;  ///< at most 4096 names; a forger's are not counted past that
};

/// Keeps both ends: `abc...xyz`, at most `longest` characters.
[[nodiscard]] std::string cut_in_middle(std::string_view text, std::size_t longest);

}  // namespace lazaret::analysis
