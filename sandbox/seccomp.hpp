#pragma once
/// The system calls that a jailed program may make: an allow-list (libseccomp, seccomp(2), seccomp_unotify(2)).
/// What is not listed gets ENOSYS (unknown and harmless) or kills the process (what only an attack asks for); i386 and
/// x32 calls kill. The listed calls that `observe` wants to see are SECCOMP_RET_USER_NOTIF and go on after being noted.

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

struct seccomp_options {
  bool observe = false;  ///< notify for execve, execveat, connect, bind, sendto and listen
};

/// A compiled BPF program: made once by the jailer before any jail, installed by each jail without allocating.
class seccomp_filter {
 public:
  [[nodiscard]] static result<seccomp_filter> compile(const seccomp_options& options);
  /// Call last before execve, with no_new_privs set. With observe, returns the listener fd (else an empty fd).
  /// Async-signal-safe.
  [[nodiscard]] result<unique_fd> install() const;

 private:
  std::vector<std::uint64_t> program_;  ///< struct sock_filter is 8 bytes
  bool observe_ = false;
};

/// Name of a system call number of this architecture, `#451` when unknown.
[[nodiscard]] std::string syscall_name(int number);

}  // namespace lazaret::sandbox
