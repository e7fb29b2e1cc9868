#pragma once
/// Sees from outside what a jailed program asks the kernel for, so that the program can neither rewrite nor suppress
/// it. One per jail, owned by the jailer's event loop; single-threaded. Each notification is answered with
/// SECCOMP_USER_NOTIF_FLAG_CONTINUE: this observes, it does not decide (the arguments could change after the look:
/// seccomp_unotify(2), "NOTES"), so nothing's safety rests on it.
///
/// One JSON object a line, at most 4 KiB, to `sink` (a non-blocking pipe; lines that don't fit are counted and told in
/// the end line):
///   {"t":SECONDS_SINCE_START,"pid":PID_IN_JAIL,"event":"exec","path":str,"argv":[str,...],"python":bool}
///   {"t":..,"pid":..,"event":"connect","family":"inet","address":"1.2.3.4","port":443}   inet, inet6; "unix": "path"
///   bind, sendto (only with an address) and listen likewise
///   {"event":"end","seen":N,"dropped":N}

#include <chrono>
#include <cstdint>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class observer {
 public:
  observer(unique_fd listener, unique_fd sink);
  [[nodiscard]] int fd() const noexcept { return listener_.get(); }  ///< poll for POLLIN
  /// Takes one notification, notes it and lets the call go on. False when the listener has ended (POLLHUP).
  bool handle();
  /// Writes the end line and closes the sink.
  void finish();

 private:
  unique_fd listener_, sink_;
  std::chrono::steady_clock::time_point started_;
  std::uint64_t seen_ = 0, dropped_ = 0;
};

}  // namespace lazaret::sandbox
