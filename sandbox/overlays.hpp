#pragma once
/// The policy's overlays: directories of the host with a layer of the jail's own above them. Runs in the cloned child,
/// as the jail's user in its namespaces, the host still in sight.
///
/// Mounted with `userxattr`, as a user namespace must (overlayfs.rst, "User xattr"): works for root's jails and
/// unprivileged ones alike. A tmpfs keeps such attributes since Linux 6.6; before, a directory that is removed and made
/// again over one of the host's fails with EIO, and all else works.
///
/// Needs Linux 5.11 (overlayfs in user namespaces), and 5.14 where the layer is a volume (MOUNT_ATTR_NOSYMFOLLOW).

#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/mounts.hpp"

namespace lazaret::sandbox {

/// Makes the trees of all sources that are overlays. `mount_point`: any directory; what is mounted there goes with the
/// host's root.
[[nodiscard]] result<void> make_overlays(const std::string& mount_point, std::vector<detached_mount>& sources);

}  // namespace lazaret::sandbox
