#include "actors/prebuild/layer_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/open_resolved.hpp"
#include "sandbox/try.hpp"

namespace lazaret::prebuild {
namespace {

using sandbox::failure;
using sandbox::os_failure;
using sandbox::result;
using sandbox::unique_fd;

constexpr std::uint64_t cost_of_an_entry = 512;
constexpr std::size_t longest_path = 4000, longest_name = 255;

failure too_much(std::string what) { return {"layer", EFBIG, std::move(what), {}}; }

bool is_plain(std::string_view path, unsigned depth) {
  if (path.empty() || path.size() > longest_path || path.find('\0') != path.npos) return false;
  for (unsigned level = 1;; ++level) {
    const auto part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == ".." || part.size() > longest_name || level > depth) return false;
    if (part.size() == path.size()) return true;
    path.remove_prefix(part.size() + 1);
  }
}

/// Follows no link that an earlier entry may have left.
unique_fd open_below(int directory, const std::string& path, std::uint64_t flags, std::uint64_t mode = 0) {
  return sandbox::open_resolved(directory, path.c_str(), flags, sandbox::beneath_through_no_link | RESOLVE_NO_XDEV,
                                mode);
}

result<void> set_time(int fd, std::int64_t modified) {
  const timespec both[2] = {{modified, 0}, {modified, 0}};
  if (::futimens(fd, both) != 0) return os_failure("write_layer", "futimens");
  return {};
}

}  // namespace

layer_writer::layer_writer(unique_fd directory, std::span<const std::string_view> roots, layer_limits within)
    : directory_{std::move(directory)},
      roots_{roots},
      within_{within},
      archive_{{[this](const tar_entry& e) { return enter(e); }, [this](std::string_view b) { return write(b); }}} {}

bool layer_writer::is_within_roots(std::string_view path) const {
  return std::ranges::any_of(roots_, [path](std::string_view root) {
    return path == root || (path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/') ||
           (root.size() > path.size() && root.starts_with(path) && root[path.size()] == '/');
  });
}

void layer_writer::note(char kind, const tar_entry& entry) {
  digest_.update({&kind, 1});
  digest_.update((entry.mode & 0100) != 0 ? "x" : "-");
  for (const auto* text : {&entry.path, &entry.link}) digest_.update({text->c_str(), text->size() + 1});
  digest_.update(std::to_string(entry.size) + '\n');
}

result<void> layer_writer::enter(const tar_entry& entry) {
  LAZARET_TRY(close_file());
  if (entry.what == tar_entry::kind::other) return {};  // devices, FIFOs: nobody needs them
  if (!is_plain(entry.path, within_.depth) || !is_within_roots(entry.path))
    return failure{"layer", EINVAL, "a path that does not belong there: " + entry.path.substr(0, 200), {}};
  if (++so_far_.entries > within_.entries) return too_much("more than " + std::to_string(within_.entries) + " files");
  const auto room = within_.size.count - std::min(within_.size.count, so_far_.size);
  if (entry.size > room || entry.size + cost_of_an_entry > room)
    return too_much("more than " + std::to_string(within_.size.count >> 20) + " MiB");
  so_far_.size += entry.size + cost_of_an_entry;
  return place(entry);
}

result<void> layer_writer::place(const tar_entry& entry) {
  const auto slash = entry.path.rfind('/');
  const auto name = entry.path.substr(slash == entry.path.npos ? 0 : slash + 1);
  unique_fd parent;
  if (slash != entry.path.npos) {
    parent = open_below(directory_.get(), entry.path.substr(0, slash), O_PATH | O_DIRECTORY);
    if (!parent) return os_failure("layer", "open " + entry.path.substr(0, slash));
  }
  const int where = parent ? parent.get() : directory_.get();
  switch (entry.what) {
    case tar_entry::kind::directory:
      note('d', entry);
      if (::mkdirat(where, name.c_str(), 0755) != 0 || ::fchmodat(where, name.c_str(), 0755, 0) != 0)
        return os_failure("layer", "mkdir " + entry.path);
      return {};
    case tar_entry::kind::symbolic_link:
      note('l', entry);
      if (::symlinkat(entry.link.c_str(), where, name.c_str()) != 0) return os_failure("layer", "link " + entry.path);
      return {};
    case tar_entry::kind::file:
    case tar_entry::kind::other:
      break;
  }
  note('f', entry);
  // No setuid, no setgid; whoever runs in a jail may read it, and nobody there may write.
  const mode_t mode = (entry.mode & 0100) != 0 ? 0755 : 0644;
  file_ = open_below(where, name, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!file_ || ::fchmod(file_.get(), mode) != 0) return os_failure("layer", "create " + entry.path);
  file_left_ = entry.size;
  file_modified_ = entry.modified;
  return file_left_ == 0 ? close_file() : result<void>{};
}

result<void> layer_writer::write(std::string_view content) {
  digest_.update(content);
  file_left_ -= std::min<std::uint64_t>(file_left_, content.size());
  while (!content.empty()) {
    const auto n = ::write(file_.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_failure("write_layer", "write");
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return file_left_ == 0 ? close_file() : result<void>{};
}

/// Its time is what Python compares a compiled module with.
result<void> layer_writer::close_file() {
  if (!file_) return {};
  auto done = set_time(file_.get(), file_modified_);
  file_.reset();
  return done;
}

result<layer_writer::written> layer_writer::finish() {
  LAZARET_TRY(close_file());
  if (!archive_.is_complete()) return failure{"layer", EILSEQ, "the archive ends too early", {}};
  if (::syncfs(directory_.get()) != 0) return os_failure("write_layer", "syncfs");
  so_far_.digest = digest_.finish();
  return so_far_;
}

}  // namespace lazaret::prebuild
