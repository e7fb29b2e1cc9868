#pragma once
/// Which programs of a jail gave no audit events: Python started with -S or -I against a foreign site, a Python of the
/// package's own, native programs. Compares what the observer saw start (evidence) with who reported in (hints).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lazaret::actors {

/// Single-threaded; memory is bounded: past 1000 programs it only counts.
class coverage {
 public:
  /// One exec that the observer saw. `path` and `command` are the package's words.
  void started(std::int64_t pid, std::string_view path, std::string_view command, bool python);
  /// One `lazaret.start` from inside.
  void reported(std::int64_t pid);
  /// One line each: `python without audit events: COMMAND`, `native program: COMMAND`. At most 50, then `and N more`.
  [[nodiscard]] std::vector<std::string> uncovered() const;

 private:
  struct program {
    std::int64_t pid;
    std::string path, command;
    bool python;
  };
  std::vector<program> programs_;
  std::map<std::int64_t, std::uint64_t> reports_by_pid_;
  std::uint64_t unlisted_ = 0;
};

}  // namespace lazaret::actors
