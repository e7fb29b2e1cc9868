#pragma once
/// Sees from outside what a jailed program asks the kernel for, so that the program can neither rewrite nor suppress
/// it. One per jail, owned by the jailer's event loop; single-threaded. Each notification is answered with
/// SECCOMP_USER_NOTIF_FLAG_CONTINUE (the arguments could change after the look: seccomp_unotify(2), "NOTES"), so
/// nothing's safety rests on what was read; or with EPERM, for the calls that the filter refuses whatever their
/// arguments; or, when it is deadly (seccomp.hpp), not at all: the caller is to be killed where it waits.
///
/// One JSON object a line, at most 4 KiB, to `sink` (a pipe, made non-blocking here; lines that don't fit are counted
/// and told in the end line, for which the pipe is enlarged when it is full). Without a sink only deadly calls are of
/// interest:
///   {"t":SECONDS_SINCE_START,"pid":PID_IN_JAIL,"event":"exec","path":str,"argv":[str,...],"python":bool}
///   {"t":..,"pid":..,"event":"connect","family":"inet","address":"1.2.3.4","port":443}     inet, inet6
///   {"t":..,"pid":..,"event":"connect","family":"unix","unix":"/run/x"}                    "@x": abstract
///   {"t":..,"pid":..,"event":"connect","family":"netlink"}                                 any other, "#17" if
///   nameless bind, listen and sendto likewise; sendto stands for sendto, sendmsg and sendmmsg, only with an address
///   {"t":..,"pid":..,"event":"memfd","path":NAME}                                          memfd_create(2)
///   {"t":..,"pid":..,"event":"ptrace"}        process_vm_readv and process_vm_writev likewise; these are refused
///   (EPERM)
///   {"t":..,"pid":..,"event":"denied","syscall":"init_module"}                             deadly: the jail ends
///   {"event":"end","seen":N,"dropped":N}
/// An exec's path is absolute as far as it can be told, cut at 512 bytes, argv at 64 words of 256 bytes and at what the
/// line holds; then `"cut":true` is added. `"unread":true` instead of the details: the memory could not be read. An
/// exec is reported when it is asked for, so also when it fails.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class observer {
 public:
  enum class heard : std::uint8_t {
    something,  ///< or nothing: keep listening
    deadly,     ///< denied() is asking for what nobody may: kill it
    last,       ///< no process has the filter any more (POLLHUP)
  };
  /// The caller ignores SIGPIPE. `sink` may be empty.
  observer(unique_fd listener, unique_fd sink);
  [[nodiscard]] int fd() const noexcept { return listener_.get(); }  ///< poll for POLLIN
  /// Takes one notification if there is one, notes it and lets the call go on. Never blocks. 10-100 us.
  heard handle();
  /// The first deadly call, empty before: `init_module`, `i386:mount`.
  [[nodiscard]] const std::string& denied() const noexcept { return denied_; }
  /// Writes the end line and closes both ends. Calls that are still waiting get ENOSYS.
  void finish();

 private:
  bool write_line(const std::string& line);

  unique_fd listener_, sink_;
  std::chrono::steady_clock::time_point started_;
  std::uint64_t seen_ = 0, dropped_ = 0;
  std::string denied_;
  std::vector<std::uint64_t> request_, response_;  ///< of the kernel's sizes, which grow with its version
};

}  // namespace lazaret::sandbox
