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

/// Bounds, in the kernel's own books (namespaces(7), /proc/sys/user), what the jail's user namespace may hold:
///   no user namespace below it, whatever a filter lets through: inside one a program would have every capability;
///   few inotify instances and watches: the kernel counts them against who made the namespace too, the jailer's user,
///   who may have 128 instances in all (fs/inotify). One jail could take them all from the host, and two talk that way.
/// Inside the namespace, still with all capabilities in it, while the host's /proc is in sight.
[[nodiscard]] result<void> bound_namespace();

}  // namespace lazaret::sandbox
