#pragma once
/// Streams the two logs of a phase line by line. Both files are content from the jail, so hostile: a line may be of any
/// length, cut, invalid UTF-8 or nested a million deep. Memory is bounded by one line (`max_line`); longer lines and
/// lines that are not events are counted, not kept. One reader per thread.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/analysis/repr.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::analysis {

/// The hook's lines hold far less than this (8,000 bytes); longer ones are forged.
inline constexpr std::size_t max_line = 64 * 1024;

/// The frame that caused an audit event. Empty when the interpreter itself did.
struct caller {
  std::string function, file;
  std::int64_t line = 0;
};

/// A line of the audit hook (compat/triage): a hint.
struct audit_line {
  std::string event;
  repr_value args;
  caller who;
  std::int64_t pid = 0;
};

/// A line of the observer (sandbox/observer.hpp): evidence.
struct observed_line {
  std::string event;
  std::string path;  ///< exec, or a unix socket's
  std::vector<std::string> argv;
  bool python = false;
  std::string family, address;  ///< `inet`, `inet6`, `unix`, ...
  std::int64_t port = 0;
  std::int64_t pid = 0;
  std::uint64_t dropped = 0;  ///< of the `end` line
};

struct line_totals {
  std::uint64_t lines = 0;
  std::uint64_t malformed = 0;  ///< too long, no JSON, or not an event
};

/// The views and objects handed to `take` live until it returns. Fails when the file can't be read.
[[nodiscard]] sandbox::result<line_totals> read_audit(const std::filesystem::path& file,
                                                      const std::function<void(const audit_line&)>& take);
[[nodiscard]] sandbox::result<line_totals> read_observations(const std::filesystem::path& file,
                                                             const std::function<void(const observed_line&)>& take);

}  // namespace lazaret::analysis
