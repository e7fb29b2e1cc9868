#pragma once
/// `lazaret jail -- CMD`: one jail, made by a jailer of its own, its streams those of the caller.

#include "sandbox/command/command_line.hpp"

namespace lazaret::sandbox::command {

// What the command exits with when it is not the program's own code; 128+n for signal n.
inline constexpr int layers_missing = 1;    ///< --self-test: a required layer is not active
inline constexpr int timed_out = 124;       ///< as timeout(1)
inline constexpr int no_jail = 125;         ///< as env(1), timeout(1) and docker-run(1) for failures of their own
inline constexpr int not_executable = 126;  ///< as sh(1)
inline constexpr int not_found = 127;       ///< as sh(1)

/// Returns the exit code. Ends the process by the signal that ended the jail, when one of SIGINT, SIGTERM, SIGHUP,
/// SIGQUIT was sent to this process. Call while single-threaded.
[[nodiscard]] int run(command_line line);

/// Prints what a jail's probe of each layer found. 0 when every one that is required is active.
[[nodiscard]] int self_test();

}  // namespace lazaret::sandbox::command
