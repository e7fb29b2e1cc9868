#pragma once
/// What the jailer knows of its host when it says which layers it can have. Used by the jailer only, single-threaded.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/jail.hpp"
#include "sandbox/layers.hpp"
#include "sandbox/layers/landlock.hpp"

namespace lazaret::sandbox {

/// The questions of the table (layers.hpp) that need more than a system call are answered from here.
struct host_facts {
  const cgroup_tree* cgroups = nullptr;
  std::optional<failure> no_cgroups;  ///< why there is no tree
  std::string no_private_inodes;      ///< empty: they can be had
  std::optional<failure> no_seccomp;  ///< why there is no filter
  int landlock_abi = 0;               ///< as the kernel says, also one that is too old
};

/// Asks for every layer: `active` here means that it can be had. `required`: as JAIL_REQUIRE names them; empty: all
/// that can be had.
[[nodiscard]] std::vector<layer_report> survey(const host_facts& host, const std::vector<std::string>& required);

/// Those of the layers that a jail may do without that this host has, as each jail is to apply them.
[[nodiscard]] optional_layers available_layers(const host_facts& host);

/// The first required layer that can't be had, as the failure that every jail is refused with. Asks only for layers
/// that a jail may do without: those that it may not fail by themselves, and their questions cost files to open.
[[nodiscard]] result<void> check_required(const host_facts& host, const std::vector<std::string>& required);

}  // namespace lazaret::sandbox
