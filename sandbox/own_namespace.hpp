#pragma once
/// Being root where one is not: a user namespace in which this uid is root is enough to mount, to make namespaces, and
/// to map uids into jails (user_namespaces(7)).
///
/// With subordinate ids (subuid(5), newuidmap(1) of Debian's `uidmap`), each jail has a uid of its own, as with a
/// jailer that is root. Without, all jails have the caller's. They are still apart in pid, ipc and user namespaces, so
/// can't signal or trace one another, and RLIMIT_NPROC counts by user namespace (Linux 5.14). But what the kernel
/// counts by user alone they share: pages in pipes (pipe-user-pages-soft), descriptors in flight, locked memory,
/// inotify instances. One can use those up for the others, which is a channel between them as well; and outside of the
/// jail, the caller's own processes may signal it.

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

enum class which_ids {
  own,              ///< nothing else is started: the quickest
  subordinate_too,  ///< starts newuidmap and newgidmap where /etc/subuid and /etc/subgid give this user a range
};

/// Returns when the process is root already. Else enters a user namespace and executes itself again with `argv`: the
/// kernel lets a process look into its children (pidfd_getfd) by the namespace in which it was executed.
[[nodiscard]] result<void> ensure_root(char** argv, which_ids ids = which_ids::own);

}  // namespace lazaret::sandbox
