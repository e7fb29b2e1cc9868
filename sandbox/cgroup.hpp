#pragma once
/// Limits and accounting of one jail's processes together, on cgroup v2, v1 and hybrid hosts (cgroups(7)).
/// Used by the jailer only, single-threaded. On a hybrid host each controller is taken from where it is available.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/failure.hpp"
#include "sandbox/guardian.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

struct cgroup_usage {
  std::chrono::nanoseconds cpu{0};
  bytes peak_memory;
  std::uint32_t peak_pids = 0;
  std::uint64_t oom_kills = 0;     ///< processes that the kernel killed for the memory limit
  std::uint64_t pids_refused = 0;  ///< forks refused for the pids limit
  std::uint64_t throttled = 0;     ///< periods in which the cpu quota was used up
};

/// One jail's group. Destroying it kills what is left in it and removes it; never blocks for longer than 1 s.
class cgroup {
 public:
  virtual ~cgroup() = default;
  /// Moves a process (all its threads) in; children made afterwards are born inside. On v1 a write to cgroup.procs.
  /// On v1 that waits for a grace period: 5-7 ms when the last such write was 50 ms ago or longer.
  virtual result<void> attach(int pid) = 0;
  /// Moves the calling process in, which must have one thread: 0, or the errno. Async-signal-safe; for a forked child.
  /// 0.1 ms on v1: writing "0" to `tasks` needs no grace period, since only the writer itself moves (kernel 5.18,
  /// 9a3284fad42f "cgroup: Optimize single thread migration"). Works from inside new namespaces and after setuid: the
  /// right to write was checked when the jailer opened the file.
  [[nodiscard]] virtual int attach_self() const noexcept = 0;
  /// For clone3(CLONE_INTO_CGROUP): an fd of the v2 directory, or -1 when controllers are v1.
  [[nodiscard]] virtual int clone_into_fd() const noexcept = 0;
  [[nodiscard]] virtual cgroup_usage usage() const = 0;
  /// cgroup.kill where it exists, else freeze and SIGKILL until empty.
  virtual void kill() noexcept = 0;
};

/// The place under which groups are made: `lazaret.<pid>` in each hierarchy that carries memory, pids or cpu.
class cgroup_tree {
 public:
  virtual ~cgroup_tree() = default;
  virtual result<std::unique_ptr<cgroup>> make(const std::string& name, const sandbox::limits& what) = 0;
  /// A group that is given its limits later, once, by limit(): what is charged by then stays charged. For limits that
  /// make() would have used another hierarchy for (v1's `cpu`), may_limit_later() is false, and limit() fails.
  virtual result<std::unique_ptr<cgroup>> make_unlimited(const std::string& name) = 0;
  [[nodiscard]] virtual bool may_limit_later(const sandbox::limits& what) const noexcept = 0;
  [[nodiscard]] virtual result<void> limit(cgroup& group, const sandbox::limits& what) const = 0;
  /// Makes the directories of the next group, so that make() has only its limits to set: a third of a millisecond on
  /// v1. For when there is time; does nothing when they are there, and where they can't be made, make() will say so.
  virtual void prepare() = 0;
  /// Can a group be limited by this controller (`memory`, `pids`, `cpu`; `cpuacct`: counted) here?
  [[nodiscard]] virtual bool limits(std::string_view controller) const noexcept = 0;
  /// Why not: not mounted, not delegated to this user, read-only.
  [[nodiscard]] virtual failure why_not(std::string_view controller) const = 0;
  /// `v1`, `v2`, `hybrid`, and per controller where it was found: for /health and the log.
  [[nodiscard]] virtual std::string describe() const = 0;
};

/// Finds the writable hierarchies, makes this process's own directory, and removes those of jailers that are dead.
/// What this process may not have (no mount, no delegation, a read-only mount) is left out: such a tree makes groups
/// that limit less or nothing, and says so (limits()); what stands in is the caller's matter
/// (layers/resource_limits.hpp, sampler.hpp). Fails when what it should have can't be used.
/// `for_one`: the tree will make one group only, of a jail without a network, which this one is told of, and is quicker
/// for it: its own directory
/// is that group, and on v1 inet buffers, which then can't fill, are not limited (the first such limit of a host takes
/// milliseconds). As root on v2, that is made at the top of what is mounted: to make it in the caller's own group, all
/// its processes, a whole login session, would have to be moved.
[[nodiscard]] result<std::unique_ptr<cgroup_tree>> open_cgroup_tree(guardian* for_one = nullptr);

}  // namespace lazaret::sandbox
