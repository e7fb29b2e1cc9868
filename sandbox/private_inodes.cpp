#include "sandbox/private_inodes.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string_view>

#include "sandbox/open_resolved.hpp"
#include "sandbox/proc_text.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

constexpr std::uint64_t read_only = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr const char* empty_directory = "empty";  // overlayfs wants two lower trees where there is no upper one

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.size() > 1;
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path == directory || is_below(path, directory);
}

/// `\040` and the like (proc_pid_mountinfo(5)).
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 3 >= text.size()) {
      plain += text[at];
      continue;
    }
    plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
    at += 3;
  }
  return plain;
}

std::vector<std::string> list_mount_points() {
  std::set<std::string> found;  // sorted: parents before what is below them
  const auto table = read_text("/proc/self/mountinfo");
  for (const auto line : words(table, '\n')) {
    const auto fields = words(line);  // id parent device root mount_point ...
    if (fields.size() > 4) found.insert(unescape(fields[4]));
  }
  return {found.begin(), found.end()};
}

/// Relative names, with the workspace as working directory: an option is at most 255 bytes long, and a colon in a path
/// would end it.
result<unique_fd> mount_overlay(const std::string& lower) {
  const unique_fd context{::fsopen("overlay", FSOPEN_CLOEXEC)};
  if (!context) return os_failure("private_inodes", "fsopen overlay", "needs CONFIG_OVERLAY_FS and Linux 5.11");
  const auto trees = lower + ":" + empty_directory;
  // nofollow: what an attribute of the host's own overlays says about a directory is not for us, and not looking for it
  // at every directory is the cheapest of all lookups: 0.3 ms less of a Python's start.
  if (::fsconfig(context.get(), FSCONFIG_SET_STRING, "redirect_dir", "nofollow", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "lowerdir", trees.c_str(), 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return os_failure("private_inodes", "overlay lowerdir=" + trees,
                      "is the lower file system an overlay of overlays?");
  unique_fd tree{::fsmount(context.get(), FSMOUNT_CLOEXEC, read_only)};
  if (!tree) return os_failure("private_inodes", "fsmount overlay");
  return tree;
}

/// Tries in a child what a jail's init will do: 0, or the errno.
int try_overlay(const std::string& directory, const std::string& lower) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || ::chdir(directory.c_str()) != 0) ::_exit(errno);
    const auto tree = mount_overlay(lower);
    ::_exit(tree ? 0 : tree.error().error);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

}  // namespace

result<void> shared_trees::keep_copy(const std::string& path) {
  if (lowers_.contains(path)) return {};
  const auto name = "lower-" + std::to_string(lowers_.size());
  const unique_fd copy{::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};  // not recursive
  if (!copy) return os_failure("private_inodes", "open_tree " + path);
  mount_attr change{};
  change.attr_set = read_only;
  if (::mount_setattr(copy.get(), "", AT_EMPTY_PATH, &change, sizeof change) != 0)
    return os_failure("private_inodes", "mount_setattr " + path, "needs Linux 5.12");
  const auto target = directory_ + "/" + name;
  struct stat status {};
  if (::fstat(copy.get(), &status) != 0) return os_failure("private_inodes", "fstat " + path);
  if (!S_ISDIR(status.st_mode)) return failure{"private_inodes", ENOTDIR, path, "a mount of a single file"};
  if (::mkdir(target.c_str(), 0755) != 0) return os_failure("private_inodes", "mkdir " + target);
  if (::move_mount(copy.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return os_failure("private_inodes", "mount on " + target);
  lowers_[path] = name;
  return {};
}

shared_trees shared_trees::prepare(const std::string& directory, std::span<const std::string> visible, bool untried) {
  shared_trees made;
  made.directory_ = directory;
  made.mount_points_ = list_mount_points();
  made.reason_.clear();
  const auto give_up = [&](const std::string& why) {
    if (made.reason_.empty()) made.reason_ = why;
  };
  const auto empty = directory + "/" + empty_directory;
  if (::mkdir(empty.c_str(), 0755) != 0 && errno != EEXIST)
    give_up(os_failure("private_inodes", "mkdir " + empty).describe());

  const auto keep = [&](const std::string& mount_point, const std::string& path) {
    if (made.keep_copy(mount_point)) return;
    // Unprivileged, the host's mounts below this one are locked to it. What has none of them below it can be had alone.
    struct stat status {};
    const bool is_file = ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
    const auto alone = is_file ? path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)) : path;
    if (auto kept = made.keep_copy(alone); !kept) give_up(kept.error().describe());
  };
  for (const auto& path : visible) {
    std::string deepest = "/";
    for (const auto& mount_point : made.mount_points_) {
      if (is_at_or_below(path, mount_point) && mount_point.size() >= deepest.size()) deepest = mount_point;
      if (is_below(mount_point, path)) keep(mount_point, mount_point);
    }
    keep(deepest, path);
  }
  for (const auto& [path, lower] : made.lowers_)
    if (const int error = made.available() && !untried ? try_overlay(directory, lower) : 0; error != 0)
      give_up("overlay of " + path + ": " + std::strerror(error));
  return made;
}

result<shared_trees::place> shared_trees::find(const std::string& canonical) const {
  const std::pair<const std::string, std::string>* best = nullptr;
  for (const auto& entry : lowers_)
    if (is_at_or_below(canonical, entry.first) && (best == nullptr || entry.first.size() > best->first.size()))
      best = &entry;
  if (best == nullptr) return failure{"private_inodes", ENOENT, canonical, "mounted after the jailer's start?"};
  auto path = canonical == best->first ? "." : canonical.substr(best->first == "/" ? 1 : best->first.size() + 1);
  return place{best->second, std::move(path)};
}

std::vector<std::string> shared_trees::mounts_below(const std::string& canonical) const {
  std::vector<std::string> below;
  for (const auto& mount_point : mount_points_)
    if (is_below(mount_point, canonical)) below.push_back(mount_point);
  return below;
}

result<int> private_view::overlay_of(const std::string& lower) {
  auto& overlay = overlays_[lower];
  if (overlay) return overlay.get();
  if (::chdir(trees_.directory().c_str()) != 0) return os_failure("private_inodes", "chdir " + trees_.directory());
  auto made = mount_overlay(lower);
  if (!made) return made.error();
  // On top of its own lower tree: only what is mounted somewhere could be cloned from before Linux 6.15.
  if (::move_mount(made->get(), "", AT_FDCWD, lower.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return os_failure("private_inodes", "mount an overlay on " + lower);
  overlay = std::move(*made);
  return overlay.get();
}

result<unique_fd> private_view::clone(const std::string& canonical) {
  const auto where = trees_.find(canonical);
  if (!where) return where.error();
  const auto overlay = overlay_of(where->lower);
  if (!overlay) return overlay.error();
  const auto found = open_resolved(*overlay, where->path.c_str(), O_PATH, beneath_through_no_link);
  if (!found) return os_failure("private_inodes", "open " + canonical, "must be reachable for everybody");
  unique_fd tree{::open_tree(found.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!tree) return os_failure("private_inodes", "open_tree " + canonical);
  return tree;
}

result<void> private_view::make_all() {
  for (const auto& [path, lower] : trees_.lowers()) {
    const auto overlay = overlay_of(lower);
    if (!overlay) return overlay.error();
    // What is mounted where it is now goes with the host's root.
    unique_fd again{::open_tree(*overlay, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
    if (!again) return os_failure("private_inodes", "open_tree " + path);
    overlays_[lower] = std::move(again);
  }
  return {};
}

result<void> private_view::keep_below(const std::string& directory) {
  for (const auto& [lower, overlay] : overlays_) {
    const auto place = directory + "/" + lower;
    if (::mkdir(place.c_str(), 0700) != 0) return os_failure("private_inodes", "mkdir " + place);
    if (::move_mount(overlay.get(), "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
      return os_failure("private_inodes", "mount on " + place);
  }
  return {};
}

}  // namespace lazaret::sandbox
