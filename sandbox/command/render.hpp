#pragma once
/// What the command prints about a jail: lines of text. Pure, but for say().

#include <cstdint>
#include <string>

#include "sandbox/failure.hpp"
#include "sandbox/outcome.hpp"

namespace lazaret::sandbox::command {

/// What went through the command's own streams.
struct passed {
  std::uint64_t stdout_bytes = 0, stderr_bytes = 0;  ///< all that the program wrote, also beyond the cap
  bool truncated = false;
  int error = 0;  ///< errno with which stdout or stderr refused
};

/// One line: `{"ended":"exited","exit_status":0,...}`. `exit_status`: what the command exits with.
[[nodiscard]] std::string to_json(const outcome& how, const passed& through, int exit_status);
/// One line: `{"ended":null,"exit_status":125,"failure":{...}}`.
[[nodiscard]] std::string to_json(const failure& why, int exit_status);

/// A line to stderr, whole or not at all.
void say(std::string line);

}  // namespace lazaret::sandbox::command
