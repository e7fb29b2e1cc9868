#pragma once
/// Layers `memory`, `pids`, `cpu` and `cgroup`, as a jail's init takes them on: it goes into the group that the jailer
/// made (cgroup.hpp), and then makes that group the root of all that it can see of cgroups (cgroup_namespaces(7)).

#include "sandbox/cgroup.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// By itself, because a process that moves only itself needs no grace period (cgroup.hpp). Null: it was born there.
[[nodiscard]] result<void> enter_cgroup(const cgroup* group);

/// The cgroup namespace's root is the group that a process is in when it makes it: so not before it entered.
[[nodiscard]] result<void> hide_cgroup_path();

}  // namespace lazaret::sandbox
