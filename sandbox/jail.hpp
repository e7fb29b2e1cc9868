#pragma once
/// The inside of a jail up to the moment the program runs. Everything here happens in a process that was cloned into
/// its own namespaces; it reports over the status socket (protocol.hpp) and never returns.

#include <csignal>
#include <span>
#include <string>
#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/layers/descriptors.hpp"
#include "sandbox/layers/resource_limits.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/private_inodes.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/validate.hpp"

namespace lazaret::sandbox {

inline constexpr const char* audit_socket_path = "/run/lazaret/audit.sock";

/// The layers that a jail does without where the kernel has none and nobody requires it (layers.hpp). What the kernel
/// has is applied, and fails closed.
struct optional_layers {
  int landlock_abi = 0;  ///< 0: no Landlock
  bool cgroup_namespace = false;
};

/// What a jail is made with; the rest is told to it later.
enum class told : std::uint8_t {
  everything,
  all_but_the_program,  ///< what the policy says of the program alone is to come (protocol::program)
  nothing,              ///< a shell (shell.hpp): the policy is to come, and `what` is what all jails have in common
};

/// All that the cloned child needs from the jailer.
struct jail_plan {
  policy& what;  ///< the child's copy
  const bind_rules& rules;
  const shared_trees& trees;
  const seccomp_filter& plain_filter;
  const seccomp_filter& observing_filter;
  std::span<const std::string> volume_paths;
  const cgroup* group = nullptr;   ///< to be entered; null when the child was born in it (CLONE_INTO_CGROUP)
  lacking cgroup_lacks;            ///< what resource limits stand in for
  const std::string& mount_point;  ///< a directory of the jailer's mount namespace, covered in the child's copy only
  const sigset_t& ignored;         ///< signals, by the jailer
  bool clear_groups = true;
  optional_layers optional;
  own_descriptors descriptors;
  told knows = told::everything;
};

/// The child's whole life: pid 1 of the jail. Confines itself, forks the program, reaps, reports, ends with the
/// program.
[[noreturn]] void live_as_init(const jail_plan& plan) noexcept;

}  // namespace lazaret::sandbox
