#pragma once
/// What a jailed process may still do to its own kernel state. Runs in the cloned child, single-threaded.

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

/// The user and group that a jail's processes see themselves as.
inline constexpr unsigned inside_id = 1000;

/// Becomes `inside_id`; `clear_groups` is false only where the kernel forbids it (an unprivileged jailer's namespace).
[[nodiscard]] result<void> become_inside_user(bool clear_groups);

/// Empties all five capability sets, for good: no exec can bring one back (capabilities(7)).
[[nodiscard]] result<void> drop_capabilities();

/// setrlimit(2) for what follows; soft = hard.
[[nodiscard]] result<void> set_resource_limits(const limits& what);

/// No exec from here on gains anything (prctl(2), PR_SET_NO_NEW_PRIVS); seccomp asks for it.
[[nodiscard]] result<void> forbid_new_privileges();

}  // namespace lazaret::sandbox
