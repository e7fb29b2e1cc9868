#include "sandbox/workspace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/lent_tree.hpp"

namespace lazaret::sandbox {

result<workspace> workspace::enter(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0) return os_failure("workspace", "unshare mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return os_failure("workspace", "make / private");
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return os_failure("workspace", "mkdir " + directory);
  // Searchable for all: a jail's init looks volumes up as the jail's own uid.
  if (::mount("tmpfs", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=0711,size=1m,nr_inodes=16k") != 0)
    return os_failure("workspace", "mount tmpfs on " + directory);
  workspace made{directory};
  if (::mkdir(made.mount_point_.c_str(), 0700) != 0) return os_failure("workspace", "mkdir " + made.mount_point_);
  return made;
}

result<std::string> workspace::make_mount_point(const char* step, const std::string& host_path) {
  auto path = directory_ + "/host-" + std::to_string(++last_id_);
  struct stat status {};
  if (::stat(host_path.c_str(), &status) != 0) return os_failure(step, host_path);
  if (S_ISDIR(status.st_mode) ? ::mkdir(path.c_str(), 0700) != 0 : ::mknod(path.c_str(), S_IFREG | 0600, 0) != 0)
    return os_failure(step, "make " + path);
  return result<std::string>{boost::system::in_place_value, std::move(path)};
}

result<std::string> workspace::expose(const std::string& host_path) {
  auto path = make_mount_point("expose", host_path);
  // With what is mounted below it: less is not to be had in a user namespace (mount_namespaces(7), locked mounts).
  if (path && ::mount(host_path.c_str(), path->c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return os_failure("expose", "bind " + host_path);
  return path;
}

result<std::string> workspace::lend(const std::string& host_path, std::uint32_t id) {
  auto path = make_mount_point("lend", host_path);
  if (!path) return path;
  const auto tree = lend_tree(host_path, id);
  if (!tree) return tree.error();
  if (::move_mount(tree->get(), "", AT_FDCWD, path->c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return os_failure("lend", "mount " + host_path);
  return path;
}

result<std::uint64_t> workspace::make_volume(const volume_options& options, uid_pool::lease owner) {
  if (options.size.count == 0 || options.inodes == 0)
    return failure{"make_volume", EINVAL, "size or inodes", "0 would mean unlimited to the kernel"};
  const auto id = ++last_id_;
  const auto path = directory_ + "/" + std::to_string(id);
  if (::mkdir(path.c_str(), 0700) != 0) return os_failure("make_volume", "mkdir " + path);
  const auto uid = std::to_string(*owner);
  const auto data = "mode=0755,size=" + std::to_string(options.size.count) +
                    ",nr_inodes=" + std::to_string(options.inodes) + ",uid=" + uid + ",gid=" + uid;
  volumes_[id] = {path, std::move(owner), options};
  if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, data.c_str()) != 0) {
    auto why = os_failure("make_volume", "mount tmpfs " + data);
    drop(id);
    return why;
  }
  return id;
}

workspace::volume* workspace::find(std::uint64_t id) {
  const auto found = volumes_.find(id);
  return found == volumes_.end() ? nullptr : &found->second;
}

result<unique_fd> workspace::open(std::uint64_t id) {
  const auto* known = find(id);
  if (known == nullptr) return failure{"volume", ENOENT, "volume " + std::to_string(id), "was its jailer restarted?"};
  unique_fd root{::open(known->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root) return os_failure("volume", "open " + known->path);
  return root;
}

void workspace::drop(std::uint64_t id) noexcept {
  const auto found = volumes_.find(id);
  if (found == volumes_.end()) return;
  ::umount2(found->second.path.c_str(), MNT_DETACH);
  ::rmdir(found->second.path.c_str());
  volumes_.erase(found);
}

}  // namespace lazaret::sandbox
