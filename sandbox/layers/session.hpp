#pragma once
/// Layer `session`: the program starts a session of its own, which has no controlling terminal (setsid(2)): it can
/// neither push characters into the terminal of whoever started the service (TIOCSTI) nor be signalled from there.

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// Also the default disposition of every signal and none blocked (ignored ones outlive exec), and an ordinary umask.
[[nodiscard]] result<void> start_own_session();

}  // namespace lazaret::sandbox
