#pragma once
/// Layer `user`: inside, a jail is one ordinary user; outside, one that no other jail and nobody of the host is
/// (user_namespaces(7)). The namespace itself is made by clone3 (running_jail.cpp), its maps are written by the jailer.

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// The user and group that a jail's processes see themselves as.
inline constexpr unsigned inside_id = 1000;

/// Becomes `inside_id`; `clear_groups` is false only where the kernel forbids it (an unprivileged jailer's namespace).
/// Single-threaded, after the maps are written.
[[nodiscard]] result<void> become_inside_user(bool clear_groups);

}  // namespace lazaret::sandbox
