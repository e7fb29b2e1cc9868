#pragma once
/// What a jail uses, where no cgroup counts it: read from /proc now and then. Used by the jailer only, single-threaded.
///
/// All that it says is at least so much: what lives and dies between two looks is seen only in what its parent's wait
/// adds up, and not at all when its parent ignores SIGCHLD. Memory is that of processes (anonymous, and shared memory
/// that is mapped), not that of files in a tmpfs.

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/units.hpp"

namespace lazaret::sandbox {

class sampler {
 public:
  /// `init`: the jail's first process, below which the kernel keeps all others (pid_namespaces(7)).
  explicit sampler(pid_t init) : init_{init} {}

  /// Looks at every process of the jail: some 40 us for each. Above `accurate_from` the memory that several share is
  /// counted once, which takes the kernel longer; below, once for each.
  void look(bytes accurate_from);
  /// What wait4(2) said of init and all that it reaped.
  void conclude(const rusage& total);

  [[nodiscard]] bytes memory() const noexcept { return memory_; }  ///< at the last look
  /// Puts in what a missing controller leaves out.
  void account(const cgroup_tree& groups, cgroup_usage& usage) const;

 private:
  struct times {
    std::uint64_t started = 0;  ///< tells two processes with one pid apart
    std::chrono::nanoseconds own{0};
    bool seen = false;
  };
  [[nodiscard]] std::vector<pid_t> processes() const;
  void add_times(pid_t process, std::chrono::nanoseconds& waited_for);

  pid_t init_;
  std::unordered_map<pid_t, times> live_;
  std::chrono::nanoseconds of_the_gone_{0}, cpu_{0};
  bytes memory_, peak_memory_;
  std::uint32_t peak_pids_ = 0;
};

}  // namespace lazaret::sandbox
