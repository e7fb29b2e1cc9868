#include "sandbox/mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sandbox/layers/descriptors.hpp"
#include "sandbox/open_resolved.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

constexpr std::uint64_t always = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::array devices{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

std::uint64_t unless_executable(bool executable) { return executable ? 0 : MOUNT_ATTR_NOEXEC; }

/// `attributes` are added to those of the source and of whatever is mounted below it; none can be taken away, so flags
/// that the host has locked stay (mount_namespaces(7)).
result<void> add_attributes(int tree, const std::string& name, std::uint64_t attributes) {
  mount_attr change{};
  change.attr_set = attributes;
  if (::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof change) != 0)
    return os_failure("bind", "mount_setattr " + name, "needs Linux 5.12");
  return {};
}

result<unique_fd> clone_tree(int source, const std::string& name, std::uint64_t attributes) {
  unique_fd tree{::open_tree(source, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!tree) return os_failure("bind", "open_tree " + name);
  LAZARET_TRY(add_attributes(tree.get(), name, attributes));
  return tree;
}

result<std::string> canonical_name(int fd) {
  std::array<char, 4096> name{};
  const auto n = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), name.data(), name.size());
  if (n < 0) return os_failure("bind", "readlink /proc/self/fd");
  return {boost::system::in_place_value, name.data(), static_cast<std::size_t>(n)};
}

/// Follows no symbolic link: a volume's content is hostile, and a link in it must not redirect a mount.
unique_fd open_unlinked(const std::string& path) {
  return open_resolved(AT_FDCWD, path.c_str(), O_PATH, through_no_link);
}

result<void> take_device(std::vector<detached_mount>& into, const char* path) {
  unique_fd tree{::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!tree) return os_failure("bind", std::string{"open_tree "} + path);
  // Not nodev: these are the only devices, and what they do is known.
  LAZARET_TRY(add_attributes(tree.get(), path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY));
  into.push_back({std::move(tree), path, false, {}});
  return {};
}

result<void> take(std::vector<detached_mount>& into, const std::string& source, const std::string& target,
                  std::uint64_t attributes, const bind_rules* rules = nullptr, bool optional = false,
                  bool private_later = false) {
  unique_fd place = open_unlinked(source);  // validate() knows the path to be plain: then it is canonical
  const bool is_canonical = bool{place};
  if (!place && errno == ELOOP) place.reset(::open(source.c_str(), O_PATH | O_CLOEXEC));
  if (!place && optional && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (!place) return os_failure("bind", "open " + source, "must exist and be reachable for everybody");
  std::string host_path;
  if (rules != nullptr) {
    auto name = is_canonical ? result<std::string>{boost::system::in_place_value, source} : canonical_name(place.get());
    if (!name) return name.error();
    if (!rules->allow(*name)) return failure{"bind", EACCES, *name, "not below any --allow-bind of the jailer"};
    host_path = std::move(*name);
  }
  struct stat status {};
  if (::fstat(place.get(), &status) != 0) return os_failure("bind", "fstat " + source);
  auto tree = private_later ? result<unique_fd>{} : clone_tree(place.get(), source, attributes);
  if (!tree) return tree.error();
  into.push_back({std::move(*tree), target, S_ISDIR(status.st_mode), std::move(host_path), attributes});
  return {};
}

/// Only opened here: it is the jail's user who puts them together.
result<void> take_overlay(std::vector<detached_mount>& into, const overlay_mount& what, const bind_rules& rules,
                          std::span<const std::string> volume_paths) {
  detached_mount whole;
  whole.target = what.target;
  whole.attributes = always | unless_executable(what.executable);
  whole.overlay = &what;
  for (const auto& path : what.lower) {
    unique_fd place{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!place) return os_failure("overlay", "open " + path, "must be a directory that everybody can read");
    const auto name = canonical_name(place.get());
    if (!name) return name.error();
    if (!rules.allow(*name)) return failure{"overlay", EACCES, *name, "not below any --allow-bind of the jailer"};
    whole.parts.push_back(std::move(place));
  }
  if (what.volume >= 0 && what.writable) {
    const auto& path = volume_paths[static_cast<std::size_t>(what.volume)];
    whole.parts.emplace_back(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!whole.parts.back()) return os_failure("overlay", "open " + path);
  }
  into.push_back(std::move(whole));
  return {};
}

result<void> make_file(const std::string& path, std::string_view content, bool executable = false) {
  const auto create = [&] {
    const int how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    return unique_fd{::open(path.c_str(), how, executable ? 0755 : 0644)};
  };
  unique_fd file = create();
  if (!file && errno == ENOENT) {
    LAZARET_TRY(make_directory(path.substr(0, path.rfind('/'))));
    file = create();
  }
  if (!file) return os_failure("furnish_root", "create " + path);
  while (!content.empty()) {
    const auto n = ::write(file.get(), content.data(), content.size());
    if (n < 0) return os_failure("furnish_root", "write " + path);
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

result<void> make_link(const std::string& path, const std::string& points_to) {
  int done = ::symlink(points_to.c_str(), path.c_str());
  if (done != 0 && errno == ENOENT) {
    LAZARET_TRY(make_directory(path.substr(0, path.rfind('/'))));
    done = ::symlink(points_to.c_str(), path.c_str());
  }
  if (done != 0) return os_failure("furnish_root", "symlink " + path);
  return {};
}

/// What was mounted on is in nobody's volume: nothing there but what furnish_root() made. What is missing is made
/// first, and looked for later.
bool is_ours(const std::string& target, const std::vector<detached_mount>& sources) {
  return std::ranges::none_of(sources, [&](const detached_mount& s) {
    return target.size() > s.target.size() && target.starts_with(s.target) && target[s.target.size()] == '/';
  });
}

result<void> attach(int tree, const std::string& target, bool is_directory, bool in_own_root) {
  if (in_own_root) (void)(is_directory ? ::mkdir(target.c_str(), 0755) : ::mknod(target.c_str(), S_IFREG | 0644, 0));
  auto place = open_unlinked(target);
  if (!place && errno == ENOENT) {
    LAZARET_TRY(is_directory ? make_directory(target) : make_file(target, {}));
    place = open_unlinked(target);
  }
  if (!place) return os_failure("furnish_root", "open " + target, "a mount's target may not pass through a link");
  if (::move_mount(tree, "", place.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return os_failure("furnish_root", "mount on " + target, "a file and a directory can't cover one another");
  return {};
}

/// With what is mounted below it.
result<void> clone_private(private_view& view, const std::string& host_path, const std::string& target,
                           std::uint64_t attributes, std::vector<detached_mount>& into) {
  auto paths = view.trees().mounts_below(host_path);
  paths.insert(paths.begin(), host_path);
  for (const auto& path : paths) {
    auto tree = view.clone(path);
    if (!tree) return tree.error();
    LAZARET_TRY(add_attributes(tree->get(), path, attributes));
    struct stat status {};
    if (::fstat(tree->get(), &status) != 0) return os_failure("bind", "fstat " + path);
    into.push_back({std::move(*tree), target + path.substr(host_path.size()), S_ISDIR(status.st_mode), {}, attributes});
  }
  return {};
}

}  // namespace

result<unique_fd> new_filesystem(const char* type, filesystem_options options, std::uint64_t attributes) {
  unique_fd context{::fsopen(type, FSOPEN_CLOEXEC)};
  if (!context) return os_failure("mount", std::string{"fsopen "} + type);
  for (const auto& [key, value] : options)
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0)
      return os_failure("mount", std::string{type} + " " + key + "=" + value);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return os_failure("mount", std::string{"create "} + type);
  unique_fd tree{::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes))};
  if (!tree) return os_failure("mount", std::string{"fsmount "} + type, "is every /proc mount of the host covered?");
  return tree;
}

result<std::vector<detached_mount>> take_sources(const policy& what, const bind_rules& rules, const shared_trees& trees,
                                                 std::span<const std::string> volume_paths) {
  std::vector<detached_mount> sources;
  for (const auto* device : devices) LAZARET_TRY(take_device(sources, device));
  if (what.terminal.rows != 0) {
    LAZARET_TRY(take_device(sources, "/dev/tty"));
    sources.push_back({unique_fd{terminal_fd}, "/dev/pts", true, {}, 0});
  }
  for (const auto& b : what.binds) {
    const auto attributes = always | unless_executable(b.executable);
    if (b.writable)  // the jailer's own mount by now: jailer_process::place_binds
      LAZARET_TRY(take(sources, b.source, b.target, attributes));
    else
      LAZARET_TRY(
          take(sources, b.source, b.target, attributes | MOUNT_ATTR_RDONLY, &rules, b.optional, trees.available()));
  }
  for (const auto& o : what.overlays) LAZARET_TRY(take_overlay(sources, o, rules, volume_paths));
  for (const auto& v : what.volumes)
    LAZARET_TRY(take(sources, volume_paths[v.index], v.target,
                     always | unless_executable(v.executable) | (v.writable ? 0 : MOUNT_ATTR_RDONLY)));
  if (what.mount_proc) {
    auto proc = new_proc();
    if (!proc) return proc.error();
    sources.push_back({std::move(*proc), "/proc", true, {}, 0});
  }
  return sources;
}

result<unique_fd> new_proc() {
  // subset=pid leaves out everything that is not a process: /proc/sys, kcore, sysrq-trigger, keys, timer_list, ...
  return new_filesystem("proc", {{"hidepid", "invisible"}, {"subset", "pid"}}, always | MOUNT_ATTR_NOEXEC);
}

result<void> make_private(private_view& view, std::vector<detached_mount>& sources) {
  if (!view.trees().available()) return {};
  std::vector<detached_mount> all;
  for (auto& source : sources) {
    if (source.host_path.empty())
      all.push_back(std::move(source));
    else
      LAZARET_TRY(clone_private(view, source.host_path, source.target, source.attributes, all));
  }
  sources = std::move(all);
  return {};
}

result<std::vector<detached_mount>> take_from(private_view& view, const policy& what, const bind_rules& rules) {
  std::vector<detached_mount> sources;
  for (const auto& b : what.binds) {
    if (!rules.allow(b.source)) return failure{"bind", EACCES, b.source, "not below any --allow-bind of the jailer"};
    auto done =
        clone_private(view, b.source, b.target, always | MOUNT_ATTR_RDONLY | unless_executable(b.executable), sources);
    const bool is_absent = !done && (done.error().error == ENOENT || done.error().error == ENOTDIR);
    if (!done && !(is_absent && b.optional)) return done.error();
  }
  return sources;
}

result<void> enter_new_root(const policy& what, const std::string& mount_point) {
  // Nothing that happens here may reach the host's mount table.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return os_failure("new_root", "make / private");
  std::uint64_t content = 0;
  for (const auto& f : what.files) content += (f.content.size() | 4095) + 1;
  const auto entries = 1024 + 8 * (what.files.size() + what.links.size() + what.binds.size());
  auto root = new_filesystem(
      "tmpfs",
      {{"size", std::to_string(content + (1 << 20))}, {"nr_inodes", std::to_string(entries)}, {"mode", "0755"}},
      always);
  if (!root) return root.error();
  if (::move_mount(root->get(), "", AT_FDCWD, mount_point.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return os_failure("new_root", "mount on " + mount_point);
  if (::fchdir(root->get()) != 0) return os_failure("new_root", "fchdir");
  // The host's root ends up mounted over the new one, on the same place, and is then let go (pivot_root(2), NOTES).
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return os_failure("new_root", "pivot_root", "is the host's / a ramfs?");
  if (::umount2(".", MNT_DETACH) != 0) return os_failure("new_root", "umount the host's /");
  if (::chdir("/") != 0) return os_failure("new_root", "chdir /");
  return {};
}

result<void> furnish_root(const policy& what, std::vector<detached_mount> sources) {
  for (const auto& f : what.files) LAZARET_TRY(make_file(f.target, f.content, f.executable));
  for (const auto& l : what.links) LAZARET_TRY(make_link(l.target, l.points_to));
  if (what.mount_proc) {
    LAZARET_TRY(make_link("/dev/fd", "/proc/self/fd"));
    LAZARET_TRY(make_link("/dev/stdin", "/proc/self/fd/0"));
    LAZARET_TRY(make_link("/dev/stdout", "/proc/self/fd/1"));
    LAZARET_TRY(make_link("/dev/stderr", "/proc/self/fd/2"));
  }
  for (const auto& s : sources) LAZARET_TRY(attach(s.tree.get(), s.target, s.is_directory, is_ours(s.target, sources)));
  for (const auto& t : what.tmpfs) {
    auto fresh = new_filesystem(
        "tmpfs", {{"size", std::to_string(t.size.count)}, {"nr_inodes", std::to_string(t.inodes)}, {"mode", "01777"}},
        always | unless_executable(t.executable) | (t.writable ? 0 : MOUNT_ATTR_RDONLY));
    if (!fresh) return fresh.error();
    LAZARET_TRY(attach(fresh->get(), t.target, true, is_ours(t.target, sources)));
  }
  return {};
}

result<void> attach_directory(int tree, const std::string& target) { return attach(tree, target, true, true); }

result<void> make_directory(const std::string& path) {
  for (auto at = path.find('/', 1); !path.empty(); at = path.find('/', at + 1)) {
    const auto prefix = path.substr(0, at);
    if (::mkdir(prefix.c_str(), 0755) != 0 && errno != EEXIST)
      return os_failure("furnish_root", "mkdir " + prefix, "below a read-only bind the target must exist already");
    if (at == std::string::npos) break;
  }
  return {};
}

result<void> seal_root(const policy& what) {
  const bool runs = std::any_of(what.files.begin(), what.files.end(), [](const auto& f) { return f.executable; });
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY | unless_executable(runs);
  if (::mount_setattr(AT_FDCWD, "/", 0, &change, sizeof change) != 0) return os_failure("seal_root", "mount_setattr /");
  return {};
}

}  // namespace lazaret::sandbox
