#pragma once
/// What a jail sees of the file system. Runs in the cloned child, single-threaded, in three moves:
///
///   1. while the host is still visible, everything that comes from it is taken as a detached mount (open_tree(2)), and
///      what is the host's own and shared gets inodes that only this jail has (private_inodes.hpp);
///   2. the root becomes a fresh tmpfs, and the host's tree goes away (pivot_root(2));
///   3. the new root is furnished from the detached mounts, and sealed read-only.
///
/// So no path of the policy, and no link that an earlier jail left in a volume, is ever resolved while the host is in
/// reach. Needs Linux 5.12 (mount_setattr(2)).

#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/private_inodes.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/validate.hpp"

namespace lazaret::sandbox {

/// A mount that has no place yet.
struct detached_mount {
  unique_fd tree;
  std::string target;
  bool is_directory = true;
  std::string host_path{};       ///< canonical, where inodes of this jail's own are to replace the host's; else empty
  std::uint64_t attributes = 0;  ///< of the mount, as mount_setattr(2) has them
  /// Not null: `tree` is still to be made of these, see overlays.hpp. The lower directories, then the volume if any.
  const overlay_mount* overlay = nullptr;
  std::vector<unique_fd> parts{};
};

using filesystem_options = std::initializer_list<std::pair<const char*, std::string>>;
/// A new file system of its own, e.g. a tmpfs, mounted nowhere yet. `attributes` as mount_setattr(2) has them.
[[nodiscard]] result<unique_fd> new_filesystem(const char* type, filesystem_options options, std::uint64_t attributes);

/// `volume_paths[i]`: where the jailer keeps the volume with index i. Call before giving up the host's uid: a source
/// below a directory that only root may search (/root) can be reached until then.
[[nodiscard]] result<std::vector<detached_mount>> take_sources(const policy& what, const bind_rules& rules,
                                                               const shared_trees& trees,
                                                               std::span<const std::string> volume_paths);

/// Replaces what is the host's by clones with inodes of this jail's own. Call as the jail's user, the workspace still
/// in sight. Does nothing where trees are unavailable: whether a jail may do without is the layer table's question.
[[nodiscard]] result<void> make_private(private_view& view, std::vector<detached_mount>& sources);

/// Both in one, for a jail that has only `view` left of the host: the policy's binds, none of which may be writable.
[[nodiscard]] result<std::vector<detached_mount>> take_from(private_view& view, const policy& what,
                                                            const bind_rules& rules);

/// A /proc of this pid namespace's processes and nothing else, mounted nowhere yet. Made while the host's is visible:
/// the kernel asks for that (mount_too_revealing() in fs/namespace.c).
[[nodiscard]] result<unique_fd> new_proc();

/// Makes a tmpfs the root of this mount namespace and lets go of the host's. `mount_point`: any directory.
[[nodiscard]] result<void> enter_new_root(const policy& what, const std::string& mount_point);

/// Text files, links, /dev, the sources and the policy's tmpfs, in this order.
[[nodiscard]] result<void> furnish_root(const policy& what, std::vector<detached_mount> sources);

/// Mounts what nobody's bind lies above of, on a directory of the new root that is made for it.
[[nodiscard]] result<void> attach_directory(int tree, const std::string& target);

/// Creates a directory and its parents in the new root.
[[nodiscard]] result<void> make_directory(const std::string& path);

/// Read-only from here on, and noexec unless the policy put a program there.
[[nodiscard]] result<void> seal_root(const policy& what);

}  // namespace lazaret::sandbox
