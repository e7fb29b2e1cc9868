#pragma once
/// The jailer's private corner of the file system: a mount namespace of its own, with a tmpfs that nobody else sees, in
/// which the volumes are mounted. Single-threaded.

#include <cstdint>
#include <map>
#include <string>

#include "sandbox/failure.hpp"
#include "sandbox/jailer.hpp"
#include "sandbox/uid_pool.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class workspace {
 public:
  /// Leaves the host's mount namespace. `directory` is covered for this process only; created if it does not exist.
  [[nodiscard]] static result<workspace> enter(const std::string& directory);

  workspace(workspace&&) noexcept = default;
  workspace& operator=(workspace&&) noexcept = default;

  /// Where a jail mounts its new root, in its own copy of this namespace.
  [[nodiscard]] const std::string& mount_point() const noexcept { return mount_point_; }

  /// Mounts a directory or file of the host here too, and says where. A jail's init looks paths up as a uid that may
  /// not search the directories above it (a 0700 home); this one it may.
  [[nodiscard]] result<std::string> expose(const std::string& host_path);

  /// The same, to be written to: by the jail whose uid is `id`, as the path's owner. See lent_tree.hpp.
  [[nodiscard]] result<std::string> lend(const std::string& host_path, std::uint32_t id);

  struct volume {
    std::string path;
    uid_pool::lease owner;
    volume_options options;
    bool used = false;  ///< a jail was made with it
  };
  /// A tmpfs that belongs to `owner`, nosuid and nodev. Its number.
  [[nodiscard]] result<std::uint64_t> make_volume(const volume_options& options, uid_pool::lease owner);
  [[nodiscard]] volume* find(std::uint64_t id);
  [[nodiscard]] result<unique_fd> open(std::uint64_t id);  ///< its directory
  /// Unmounts; jails that still use it keep it until they end.
  void drop(std::uint64_t id) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return volumes_.size(); }

 private:
  result<std::string> make_mount_point(const char* step, const std::string& host_path);
  explicit workspace(std::string directory) : directory_{std::move(directory)}, mount_point_{directory_ + "/root"} {}
  std::string directory_, mount_point_;
  std::map<std::uint64_t, volume> volumes_;
  std::uint64_t last_id_ = 0;
};

}  // namespace lazaret::sandbox
