#pragma once
/// Layer `init`: pid 1 of a jail holds what its program must not have, and runs as the same user. It can't be looked
/// into, and it does not outlive its jailer.

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// The program has the same uid: without this it could read init's memory and descriptors (ptrace(2), proc(5)).
[[nodiscard]] result<void> become_opaque();

/// A jailer that is killed takes its jails with it. The signal is forgotten when the uid changes, so it is asked for
/// after that (prctl(2)); and had the jailer died before, its end of the status socket would be closed by now.
[[nodiscard]] result<void> die_with_jailer(int status);

}  // namespace lazaret::sandbox
