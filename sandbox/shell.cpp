#include "sandbox/shell.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/mounts.hpp"
#include "sandbox/open_resolved.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

/// Above every mount of the host's trees, so that one umount2(2) is enough. No policy can name it: fits() refuses.
constexpr const char* sight = "/.host";

/// The new root has room for so much more than the common files (enter_new_root()).
constexpr std::size_t most_entries = 64, most_content = 512 << 10;

template <class T>
bool starts_with(const std::vector<T>& all, const std::vector<T>& first) {
  return all.size() >= first.size() && std::equal(first.begin(), first.end(), all.begin());
}

template <class T>
std::vector<T> after(const std::vector<T>& all, const std::vector<T>& first) {
  return {all.begin() + static_cast<std::ptrdiff_t>(first.size()), all.end()};
}

bool is_at_or_below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

/// Made first, as in any other jail, these would be covered by what is mounted there now.
bool is_covered(const std::string& path, const policy& common) {
  return std::ranges::any_of(common.binds, [&](const bind_mount& b) { return is_at_or_below(path, b.target); });
}

policy rest_of(const policy& common, const policy& asked) {
  policy rest;
  rest.files = after(asked.files, common.files);
  rest.links = after(asked.links, common.links);
  rest.binds = after(asked.binds, common.binds);
  rest.tmpfs = asked.tmpfs;
  rest.mount_proc = asked.mount_proc;
  return rest;
}

}  // namespace

policy policy_of_shells() {
  auto what = base_policy();
  what.argv = {"/bin/true"};  // never run: so that it is a policy like any other
  return what;
}

bool fits(const policy& common, const policy& asked) {
  if (!starts_with(asked.binds, common.binds) || !starts_with(asked.files, common.files) ||
      !starts_with(asked.links, common.links))
    return false;
  if (asked.network != network_mode::none || asked.terminal.rows != 0 || !asked.overlays.empty() ||
      !asked.volumes.empty())
    return false;
  const auto rest = rest_of(common, asked);
  const auto meets = [&](const auto& list) {
    return std::ranges::none_of(list, [&](const auto& one) { return is_at_or_below(one.target, sight); });
  };
  std::size_t content = 0;
  for (const auto& f : rest.files) content += (f.content.size() | 4095) + 1;
  return content <= most_content &&
         rest.files.size() + rest.links.size() + rest.binds.size() + rest.tmpfs.size() <= most_entries &&
         meets(rest.files) && meets(rest.links) && meets(rest.binds) && meets(rest.tmpfs) &&
         std::ranges::none_of(rest.binds, &bind_mount::writable) &&
         std::ranges::none_of(rest.files, [&](const text_file& f) { return is_covered(f.target, common); }) &&
         std::ranges::none_of(rest.links, [&](const symbolic_link& l) { return is_covered(l.target, common); });
}

bool finds_all_alone(const policy& common, const policy& asked) {
  const auto rest = after(asked.binds, common.binds);
  return std::ranges::all_of(rest, [](const bind_mount& b) {
    const auto found = open_resolved(AT_FDCWD, b.source.c_str(), O_PATH, through_no_link);
    return found || (b.optional && (errno == ENOENT || errno == ENOTDIR));
  });
}

result<void> shell::provide() {
  auto proc = new_proc();
  if (!proc) return proc.error();
  proc_ = std::move(*proc);
  return view_.make_all();
}

result<void> shell::keep_in_sight() {
  auto above = new_filesystem("tmpfs", {{"size", "64k"}, {"nr_inodes", "1024"}, {"mode", "0700"}},
                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!above) return above.error();
  LAZARET_TRY(attach_directory(above->get(), sight));
  return view_.keep_below(sight);
}

result<void> shell::furnish(const policy& common, const policy& asked, const bind_rules& rules) {
  const auto rest = rest_of(common, asked);
  auto sources = take_from(view_, rest, rules);
  if (!sources) return sources.error();
  if (rest.mount_proc)
    sources->push_back({std::move(proc_), "/proc", true, {}, 0});
  else
    (void)proc_.release();  // closed beside the program, with all that init has open: it takes an RCU grace period
  LAZARET_TRY(furnish_root(rest, std::move(*sources)));
  view_.forget();
  if (::umount2(sight, MNT_DETACH) != 0) return os_failure("furnish_root", "umount the host's trees");
  if (::rmdir(sight) != 0) return os_failure("furnish_root", std::string{"rmdir "} + sight);
  return {};
}

}  // namespace lazaret::sandbox
