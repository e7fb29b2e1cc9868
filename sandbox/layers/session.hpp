#pragma once
/// Layer `session`: the program starts a session of its own, which has no controlling terminal (setsid(2)): it can
/// neither push characters into the terminal of whoever started the service (TIOCSTI) nor be signalled from there.

#include <csignal>

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// What this process ignores, to be asked for once by whoever makes many jails: it outlives clone(2) and exec.
[[nodiscard]] sigset_t ignored_signals();

/// Also none blocked, the default disposition of those that are `ignored`, as exec gives it to the others (signal(7)),
/// and an ordinary umask.
[[nodiscard]] result<void> start_own_session(const sigset_t& ignored);

}  // namespace lazaret::sandbox
