#pragma once
/// What the command prints instead of running anything. Pure, but for print().

#include <string>

#include "sandbox/command/command_line.hpp"

namespace lazaret::sandbox::command {

/// The manual: NAME, SYNOPSIS, DESCRIPTION, ...
[[nodiscard]] std::string help_page();
/// The policy in force: every field with its value and what loosening it would mean, the system calls by group with the
/// reason for each.
[[nodiscard]] std::string explain(const command_line& line);

/// To stdout. Returns the exit code: 0, or 125 when it can't be written.
[[nodiscard]] int print(const std::string& page);

}  // namespace lazaret::sandbox::command
