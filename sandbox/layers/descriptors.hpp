#pragma once
/// Layer `descriptors`: a jail holds 0, 1, 2 and, in its init, the status socket; nothing else of the jailer's is kept
/// (the mount of a terminal until it has its place).
/// A descriptor is a right that no namespace takes away: a directory leads out of the jail (CVE-2024-21626), a copy of
/// another jail's channel would keep that channel open after its owner closed it.

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// Where init finds the status socket. Close-on-exec: the program never has it.
inline constexpr int status_fd = 3;
/// Where init finds the devpts instance of a terminal, until it is mounted.
inline constexpr int terminal_fd = 4;

/// The jailer's numbers, each above `terminal_fd`.
struct own_descriptors {
  int standard_input = -1, standard_output = -1, standard_error = -1;
  int status = -1;
  int terminal = -1;  ///< -1: none
};

/// Moves them to 0-4 and closes all others.
[[nodiscard]] result<void> keep_own_descriptors(const own_descriptors& own);

}  // namespace lazaret::sandbox
