#pragma once
/// The system calls that a jailed program may make: an allow-list (libseccomp, seccomp(2), seccomp_unotify(2)).
/// What is not listed gets ENOSYS, so that software takes its fallback; what software probes but must not have gets
/// EPERM or what a kernel without the feature says. What only an attack asks for, and every call of the i386 and x32
/// tables, is deadly. The groups, with the reason for each, are the table in seccomp_calls.hpp.
///
/// A deadly call is SECCOMP_RET_USER_NOTIF rather than SECCOMP_RET_KILL_PROCESS: whoever serves the listener learns its
/// name, which the kernel tells nobody of a killed process, and then ends the whole jail and not just the caller. It is
/// never carried out: while nobody answers the caller waits, and without a listener it gets ENOSYS. (Two differences to
/// a kill: a signal can interrupt the wait before the jailer has heard of it, and a filter that the program installed
/// itself answers first if it says ERRNO or TRAP. Both mean that the call was refused and not noted.)
///
/// With `observe`, the calls that start programs or name a network address are also noted, and go on (observer.hpp).
///
/// CAUTION with `observe`: from install() on, execve, connect, bind, listen, sendto with an address, sendmsg and
/// sendmmsg of the caller block until somebody serves the listener. So the fd must be with the jailer before the
/// program's own execve, and it can't be sent there by SCM_RIGHTS (sendmsg blocks too). The way that works: the child
/// write()s the fd's number to a pipe, the jailer takes it with take_listener(), the child waits for its go and closes
/// its own copy by O_CLOEXEC (which the listener has).

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

struct seccomp_options {
  /// Notify for execve, execveat, connect, bind, listen, sendto, sendmsg, sendmmsg and memfd_create, and for ptrace and
  /// process_vm_*, which are refused either way.
  bool observe = false;
};

/// A compiled BPF program: made once by the jailer before any jail, installed by each jail without allocating.
class seccomp_filter {
 public:
  /// What compile() made when this program was built. Microseconds. Fails when the kernel lacks a feature that the
  /// filter relies on.
  [[nodiscard]] static result<seccomp_filter> ready(const seccomp_options& options);
  /// Of compile_rules(), now. 8 ms; allocates. Fails as ready() does.
  [[nodiscard]] static result<seccomp_filter> compile(const seccomp_options& options);
  /// A second filter, for a jail that may write to the host: no file gets a set-user-ID or set-group-ID bit, by
  /// chmod(2) or when it is made. On the host such a file would run with its owner's rights. openat2(2), whose mode no
  /// filter sees, gets ENOSYS. Of several filters the strictest answer counts, so this one allows all else. It has no
  /// listener.
  [[nodiscard]] static seccomp_filter no_set_ids();
  [[nodiscard]] static result<seccomp_filter> compile_no_set_ids();
  /// Call with no_new_privs set, shortly before execve. Returns the listener, close-on-exec; if nobody serves it when a
  /// deadly call is made, the caller waits. Async-signal-safe; no allocation, also when it fails.
  [[nodiscard]] result<unique_fd> install() const noexcept;
  /// Its instructions, one struct sock_filter each.
  [[nodiscard]] std::span<const std::uint64_t> program() const noexcept { return program_; }

 private:
  static result<unsigned> usable_flags();
  std::vector<std::uint64_t> program_;  ///< struct sock_filter is 8 bytes
  unsigned flags_ = 0;                  ///< of seccomp(2); 0: without a listener
};

/// What libseccomp makes of the rules, one struct sock_filter each. What is installed answers the same and is a quarter
/// as long (bpf_shrink.hpp).
[[nodiscard]] result<std::vector<std::uint64_t>> compile_rules(const seccomp_options& options);

/// Takes a copy of fd `number` out of the process behind `pidfd` (pidfd_getfd(2)). The process must be dumpable when
/// the caller has no CAP_SYS_PTRACE: after a change of uid it calls prctl(PR_SET_DUMPABLE, 1) first.
[[nodiscard]] result<unique_fd> take_listener(int pidfd, int number);

/// What nobody is meant to survive asking for, by the architecture (AUDIT_ARCH_*) and number that a notification names.
/// True for every pair that the filter notifies of without `observe`.
[[nodiscard]] bool is_deadly(std::uint32_t architecture, int number) noexcept;

/// `init_module`; `i386:mount` and `x32:mount` for the tables that are closed as a whole; `#451` when unknown.
[[nodiscard]] std::string syscall_name(int number);
[[nodiscard]] std::string syscall_name(std::uint32_t architecture, int number);

}  // namespace lazaret::sandbox
