#pragma once
/// What init does once the program runs: it reaps, counts and ends with the program, or when the jailer says so.

#include <sys/types.h>

#include <algorithm>
#include <cstdint>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// What only init can read of its jail, through files of the host's /proc that it opened while that was in sight. It
/// keeps these two descriptors to the end; the program can't take them (PR_SET_DUMPABLE, see become_opaque), and they
/// are files, below which there is nothing to open.
class tally {
 public:
  tally() = default;
  /// Call while the host's /proc is there. Never fails: what can't be opened is not known.
  [[nodiscard]] static tally open() noexcept;
  /// Bytes that this process and all that it has reaped handed to write(2); 0 when the kernel does not count.
  [[nodiscard]] std::uint64_t bytes_written() const noexcept;
  /// The last pid given in this pid namespace (the last field of /proc/loadavg: proc(5)); 0 when unknown.
  [[nodiscard]] std::uint32_t last_pid() const noexcept;
  /// -1 when nothing could be opened. Both are the lowest numbers that were free.
  [[nodiscard]] int highest_fd() const noexcept { return std::max(io_.get(), load_.get()); }

 private:
  unique_fd io_, load_;
};

/// Reaps, and passes signals on, until `program` has ended or `status` (the jailer's socket) says stop; then kills
/// whatever is left of the pid namespace, reaps that too, so that its counts become init's (wait_task_zombie() in
/// kernel/exit.c), tells them, and exits. Call with SIGCHLD blocked.
[[noreturn]] void reap(pid_t program, int status, const tally& counts) noexcept;

/// `wchar` of a process that may be a zombie; 0 when it can't be read, as by an unprivileged jailer: a zombie's files
/// in /proc belong to the host's root (task_dump_owner() in fs/proc/base.c).
[[nodiscard]] std::uint64_t bytes_written_by(pid_t process) noexcept;

}  // namespace lazaret::sandbox
