#include "sandbox/overlays.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "sandbox/try.hpp"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000  // Linux 5.14
#endif

namespace lazaret::sandbox {
namespace {

constexpr std::uint64_t always = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::size_t most_own_directories = 4096;

result<void> make_place(const std::string& name) {
  if (::mkdir(name.c_str(), 0755) != 0)
    return os_failure("overlay", "mkdir " + name, errno == EEXIST ? "a layer is begun once in each volume" : "");
  return {};
}

result<void> mount_at(int tree, const std::string& name) {
  if (::move_mount(tree, "", AT_FDCWD, name.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return os_failure("overlay", "mount on " + name);
  return {};
}

/// What was opened as the host's user is mounted where a short name finds it: overlayfs takes its layers by name, from
/// places that are mounted somewhere, and an option is at most 255 bytes long.
result<void> place_part(int part, const std::string& name, std::uint64_t attributes) {
  LAZARET_TRY(make_place(name));
  const unique_fd tree{::open_tree(part, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!tree) return os_failure("overlay", "open_tree " + name, "no file system may be mounted below a lower directory");
  mount_attr change{};
  change.attr_set = attributes;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &change, sizeof change) != 0)
    return os_failure("overlay", "mount_setattr " + name, "needs Linux 5.14");
  return mount_at(tree.get(), name);
}

struct close_directory {
  void operator()(DIR* d) const { ::closedir(d); }
};

/// Gives the layer the directories that the lower tree has, so that the jail's user owns them.
result<void> own_directories(int lower, int upper, std::uint32_t depth, std::size_t& made) {
  const std::unique_ptr<DIR, close_directory> entries{::fdopendir(::fcntl(lower, F_DUPFD_CLOEXEC, 0))};
  if (!entries) return os_failure("overlay", "fdopendir", "must be readable for everybody");
  while (const auto* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) continue;
    const unique_fd below{::openat(lower, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!below) continue;  // a link, or not for this user: stays the host's
    if (++made > most_own_directories)
      return failure{"overlay", E2BIG, "own_depth", "there are more than 4096 directories down to there"};
    if (::mkdirat(upper, entry->d_name, 0755) != 0 && errno != EEXIST)
      return os_failure("overlay", "mkdir " + std::string{name}, "is the layer too small for so many directories?");
    if (depth <= 1) continue;
    const unique_fd above{::openat(upper, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!above) return os_failure("overlay", "open " + std::string{name});
    LAZARET_TRY(own_directories(below.get(), above.get(), depth - 1, made));
  }
  return {};
}

result<void> set(int context, const char* key, const std::string& value) {
  if (::fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0)
    return os_failure("overlay", std::string{key} + "=" + value);
  return {};
}

/// The names in the working directory: lower trees `0`, `1`, ..., and in `layer` what the jail writes.
result<unique_fd> put_together(const overlay_mount& what, std::uint64_t attributes) {
  const unique_fd context{::fsopen("overlay", FSOPEN_CLOEXEC)};
  if (!context) return os_failure("overlay", "fsopen overlay", "needs CONFIG_OVERLAY_FS and Linux 5.11");
  std::string lower;
  for (std::size_t n = 0; n < what.lower.size(); ++n) lower += (n == 0 ? "" : ":") + std::to_string(n);
  // overlayfs wants two lower trees where there is no upper one.
  LAZARET_TRY(set(context.get(), "lowerdir", what.writable ? lower : lower + ":empty"));
  if (what.writable) {
    LAZARET_TRY(set(context.get(), "upperdir", "layer/upper"));
    LAZARET_TRY(set(context.get(), "workdir", "layer/work"));
  }
  if (::fsconfig(context.get(), FSCONFIG_SET_FLAG, "userxattr", nullptr, 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return os_failure("overlay", "overlay at " + what.target, "is the lower file system an overlay of overlays?");
  unique_fd tree{::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes))};
  if (!tree) return os_failure("overlay", "fsmount overlay at " + what.target);
  return tree;
}

result<void> make_layer(const overlay_mount& what, const std::vector<unique_fd>& parts) {
  if (what.volume < 0) {
    LAZARET_TRY(make_place("layer"));
    auto fresh = new_filesystem(
        "tmpfs",
        {{"size", std::to_string(what.size.count)}, {"nr_inodes", std::to_string(what.inodes)}, {"mode", "0755"}},
        always);
    if (!fresh) return fresh.error();
    LAZARET_TRY(mount_at(fresh->get(), "layer"));
  } else {
    // Another jail that has the volume could put a link in the place of a directory, which would lead out of it.
    LAZARET_TRY(place_part(parts.back().get(), "layer", always | MOUNT_ATTR_NOSYMFOLLOW));
  }
  LAZARET_TRY(make_place("layer/upper"));
  LAZARET_TRY(make_place("layer/work"));
  if (what.own_depth == 0) return {};
  const unique_fd upper{::open("layer/upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!upper) return os_failure("overlay", "open layer/upper");
  std::size_t made = 0;
  for (std::size_t n = 0; n < what.lower.size(); ++n) {
    const unique_fd lower{::open(std::to_string(n).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!lower) return os_failure("overlay", "open " + what.lower[n], "must be readable for everybody");
    LAZARET_TRY(own_directories(lower.get(), upper.get(), what.own_depth, made));
  }
  return {};
}

result<void> make_overlay(const std::string& mount_point, detached_mount& whole) {
  const auto& what = *whole.overlay;
  // For the names alone. On top of whatever was mounted there before.
  auto names = new_filesystem("tmpfs", {{"size", "64k"}, {"nr_inodes", "128"}, {"mode", "0700"}}, always);
  if (!names) return names.error();
  LAZARET_TRY(mount_at(names->get(), mount_point));
  if (::fchdir(names->get()) != 0) return os_failure("overlay", "fchdir");
  for (std::size_t n = 0; n < what.lower.size(); ++n)
    LAZARET_TRY(place_part(whole.parts[n].get(), std::to_string(n), always | MOUNT_ATTR_RDONLY));
  LAZARET_TRY(what.writable ? make_layer(what, whole.parts) : make_place("empty"));
  auto tree = put_together(what, whole.attributes | (what.writable ? 0 : MOUNT_ATTR_RDONLY));
  if (!tree) return tree.error();
  whole.tree = std::move(*tree);
  whole.parts.clear();
  return {};
}

}  // namespace

result<void> make_overlays(const std::string& mount_point, std::vector<detached_mount>& sources) {
  for (auto& source : sources)
    if (source.overlay != nullptr) LAZARET_TRY(make_overlay(mount_point, source));
  return {};
}

}  // namespace lazaret::sandbox
