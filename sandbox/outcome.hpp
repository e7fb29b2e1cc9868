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
  out_of_memory,   ///< the kernel killed a process of the jail for the cgroup's limit, and the program did not exit 0
  output_limit,    ///< only with on_output_limit::kill
  syscall_denied,  ///< killed by seccomp; `syscall` names what it asked for
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
  std::chrono::nanoseconds wall{0};
  std::chrono::nanoseconds cpu{0};
  bytes peak_memory;
  std::uint32_t peak_pids = 0;
};

/// The closed set of names that reports and metrics use: `exited`, `wall_timeout`, ...
[[nodiscard]] std::string_view name(ending e) noexcept;

/// One phrase for people: `exited with code 2`, `killed by signal 11 (SIGSEGV)`, `ran past its wall time`.
[[nodiscard]] std::string describe(const outcome& o);

}  // namespace lazaret::sandbox
