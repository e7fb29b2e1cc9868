#pragma once
/// Being root where one is not: a user namespace in which this uid is root is enough to mount, to make namespaces, and
/// to map one uid into jails (user_namespaces(7)).

#include <cstdint>

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// Returns when the process is root already. Else enters a user namespace and executes itself again with `argv`: the
/// kernel lets a process look into its children (pidfd_getfd) by the namespace in which it was executed.
[[nodiscard]] result<void> ensure_root(char** argv);

/// How many uids this process can give to jails. 1: only its own.
[[nodiscard]] result<std::uint64_t> mappable_uids();

}  // namespace lazaret::sandbox
