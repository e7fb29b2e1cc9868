#pragma once
/// Layer `landlock`: a second wall behind the mounts (landlock(7), Documentation/userspace-api/landlock.rst). Should a
/// mount ever be writable or reachable that ought not to be, the program still has only these rights:
///
///   read           below the jail's root, and its standard input when that is a file
///   execute        below what the policy mounts executable
///   write, make,   below the policy's tmpfs and writable volumes
///   remove, rename
///   write          the devices of /dev; no ioctl(2) on a device that it opens itself (ABI 5)
///   signal         its own kind, never the jail's init (ABI 6)
///   connect        to abstract unix sockets of its own kind (ABI 6)
///
/// So /proc can be read and not written (comm, oom_score_adj, mem), and /proc/self/fd/0 can't open a file of the host
/// for more than the reading that it was given for. Device nodes can be made nowhere.
///
/// No rule speaks of TCP, in any network mode. In `gateway` and `outbound` a program talks to itself over loopback, on
/// ports that nobody knows beforehand, and what it may reach outside is the relay's to judge, by address. In `none`
/// there is neither a route nor a loopback; a Landlock that refused too would answer first, with EACCES instead of the
/// ENETUNREACH of a machine without network, on which honest software falls back. It would add no wall either: UDP it
/// doesn't know, and no jail runs without its own network namespace.
///
/// What was tried and refused is not logged (ABI 7): a hostile program could flood the host's audit log with it.

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

/// The least version of Landlock that a jail uses. The first one (Linux 5.13) forbids every rename and link across
/// directories, which pip and most programs do; Linux 5.19 has the second.
inline constexpr int least_landlock_abi = 2;

/// The version that this kernel has; 0 when it has none or was not told to use it (`lsm=`).
[[nodiscard]] int landlock_abi() noexcept;

/// For the calling process and all that come of it, for good. Inside the jail's root, with no_new_privs set.
/// `abi`: at least least_landlock_abi; rights of later versions than it are not asked for.
[[nodiscard]] result<void> restrict_by_landlock(const policy& what, int abi);

}  // namespace lazaret::sandbox
