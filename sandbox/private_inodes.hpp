#pragma once
/// Inodes of its own for each jail over the host's shared read-only trees (/usr, a Python site, ...).
///
/// A read-only bind shows every jail the same inode, and an inode carries state that any reader may change and any
/// other see: flock(2), record and OFD locks and leases (fcntl(2)), inotify(7) watches, a FIFO's pipe. Two jails could
/// talk through /usr/bin/true. So a jail sees the trees through an overlay file system of its own without an upper
/// layer: all of that then belongs to the overlay's inodes, which nobody else has. Only the page cache is shared, and
/// with it what the kernel keys by its pages: see tests/sandbox/covert_channel_test.cpp for what stays possible.
///
/// Considered and not taken: refusing the calls (flock and fcntl are what sqlite, pip and git need in the jail's own
/// directories, and a seccomp supervisor that looks at an fd has lost the race already, seccomp_unotify(2)); copying
/// (/usr is too large); FUSE (slow, and another process to trust).
///
/// An overlay costs 0.13 ms per start, so a jail mounts one per host *mount*, not one per bind: the binds are clones of
/// directories inside it. overlayfs refuses a lower tree in which a locked mount lies (clone_private_mount() in
/// fs/namespace.c, CVE-2021-3732), so the jailer keeps a copy of each such mount without what is mounted below it.
///
/// Needs overlayfs in user namespaces (Linux 5.11). Single-threaded.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// The jailer's part: finds the host's mounts that jails may see, once, at its start.
class shared_trees {
 public:
  shared_trees() = default;
  /// `directory`: the workspace's, in a mount namespace into which nothing propagates, so that what is found stays
  /// true. `visible`: canonical paths below which binds may lie. Where overlays can't be had, says why in reason().
  /// `untried`: doesn't try it, 1 ms, but believes that they can; a jail then fails when they can't.
  [[nodiscard]] static shared_trees prepare(const std::string& directory, std::span<const std::string> visible,
                                            bool untried = false);

  /// False: binds show the host's own inodes, and jails can talk through them.
  [[nodiscard]] bool available() const noexcept { return reason_.empty(); }
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  void give_up(std::string why) { reason_ = std::move(why); }

  /// Where a path is found below an overlay: which lower tree, and the path in it (`.` for its root).
  struct place {
    std::string lower;
    std::string path;
  };
  /// Fails for a path on no mount that prepare() saw.
  [[nodiscard]] result<place> find(const std::string& canonical) const;
  /// The mounts strictly below a path, parents first: an overlay doesn't show them.
  [[nodiscard]] std::vector<std::string> mounts_below(const std::string& canonical) const;
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  /// Path on the host -> name of its copy in directory().
  [[nodiscard]] const std::map<std::string, std::string>& lowers() const noexcept { return lowers_; }

 private:
  result<void> keep_copy(const std::string& path);
  std::string directory_, reason_ = "not prepared";
  std::vector<std::string> mount_points_;
  std::map<std::string, std::string> lowers_;  ///< path on the host -> name in directory_
};

/// The jail's part: its overlays, made as they are asked for. To be used by the jail's own user inside its namespaces
/// (an overlay reads its lower tree with the rights of who mounted it), while the workspace is in sight.
class private_view {
 public:
  explicit private_view(const shared_trees& trees) : trees_{trees} {}
  /// A detached mount of a host path with inodes of this jail's own; never through a symbolic link.
  [[nodiscard]] result<unique_fd> clone(const std::string& canonical);
  [[nodiscard]] const shared_trees& trees() const noexcept { return trees_; }

  /// For a jail that can't know yet what it will clone (shell.hpp). All of its overlays are made while the workspace is
  /// in sight, mounted below `directory` in the new root, and given up when that is taken down.
  [[nodiscard]] result<void> make_all();
  [[nodiscard]] result<void> keep_below(const std::string& directory);
  void forget() noexcept { overlays_.clear(); }

 private:
  result<int> overlay_of(const std::string& lower);
  const shared_trees& trees_;
  std::map<std::string, unique_fd> overlays_;
};

}  // namespace lazaret::sandbox
