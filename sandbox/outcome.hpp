#pragma once
/// How a jail ended. A value. The first reason wins: what came after it does not change it.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/units.hpp"

namespace lazaret::sandbox {

enum class ending : std::uint8_t {
  exited,     ///< `code` holds the program's exit code
  signalled,  ///< `signal` holds what killed it, not sent by the jailer
  wall_timeout,
  cpu_timeout,
  /// The kernel killed a process of the jail for the cgroup's limit, and the program did not exit 0; or, where there is
  /// no such cgroup, the jailer saw all processes together have more than that.
  out_of_memory,
  output_limit,    ///< only with on_output_limit::kill
  syscall_denied,  ///< some process asked for what nobody may; `syscall` names it, `signal` is SIGSYS
  canceled,        ///< the holder of the jail gave it up
};

struct outcome {
  ending reason = ending::exited;
  int code = 0;
  int signal = 0;
  std::string syscall;
  bool pids_exhausted = false;  ///< a fork was refused at some time; reported, ends nothing
  bool memory_killed = false;   ///< the kernel's OOM killer took some process of the jail
  bool cpu_throttled = false;   ///< limits.cpus held it back at some time; reported, ends nothing
  /// No cgroup counted, or not for all: then cpu, peak_memory and peak_pids are at least so much, and that no fork was
  /// refused and nobody killed for memory is not known. See sampler.hpp.
  bool sampled = false;
  std::chrono::nanoseconds wall{0};
  std::chrono::nanoseconds cpu{0};
  bytes peak_memory;
  std::uint32_t peak_pids = 0;  ///< processes and threads at a time, the jail's init included
  /// Handed to write(2) and its kin (sendfile, copy_file_range) on files, pipes and sockets by all processes together,
  /// as the kernel counts it (wchar in proc(5), /proc/pid/io). Not counted: what is stored through mappings, sent with
  /// send(2), and what children of a process that ignores SIGCHLD wrote, for those are never waited for.
  bytes bytes_written;
  /// Processes and threads ever started, the program itself included and init not: the pid namespace's own counter,
  /// less the forks that the pids limit refused. Too low after kernel.pid_max starts (32768 by default), where the
  /// counter wraps. When nobody could read it, because the kernel killed init for memory or init did not answer within
  /// 0.3 s, it is the highest number that was there at a time.
  std::uint32_t processes = 0;
};

/// The closed set of names that reports and metrics use: `exited`, `wall_timeout`, ...
[[nodiscard]] std::string_view name(ending e) noexcept;

/// One phrase for people: `exited with code 2`, `killed by signal 11 (SIGSEGV)`, `ran past its wall time`.
[[nodiscard]] std::string describe(const outcome& o);

}  // namespace lazaret::sandbox
