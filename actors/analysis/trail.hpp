#pragma once
/// Follows each process of a phase and draws conclusions that no single deed allows. Memory is bounded: at most 4096
/// processes are remembered. One per phase; not thread-safe.

#include <set>
#include <string>
#include <unordered_map>

#include "actors/analysis/deeds.hpp"

namespace lazaret::analysis {

class trail {
 public:
  /// What follows from this deed and those before it.
  [[nodiscard]] deeds follow(const deed& d);
  /// Every event of a process, also those that are no deed.
  void note_event(const audit_line& line);

 private:
  struct process {
    std::uint64_t events = 0;
    bool networked = false;
    std::set<std::string> decoders_imported_by;  ///< files; at most 64
  };
  process& of(std::int64_t pid);
  void follow_code(const deed& d, process& p, deeds& out);

  std::unordered_map<std::int64_t, process> processes_;
};

}  // namespace lazaret::analysis
