#include "sandbox/harvest.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace lazaret::sandbox {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_patterns = 64, longest_pattern = 255, most_reported = 256, block = 256 << 10;

unique_fd open_below(int directory, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return unique_fd{static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how))};
}

bool is_same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

bool is_unchanged(const struct stat& a, const struct stat& b) {
  const auto equal = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return is_same(a, b) && a.st_size == b.st_size && equal(a.st_mtim, b.st_mtim) && equal(a.st_ctim, b.st_ctim);
}

std::optional<skipped> reason_against(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
      return std::nullopt;
    case S_IFLNK:
      return skipped::symbolic_link;
    case S_IFIFO:
      return skipped::fifo;
    case S_IFSOCK:
      return skipped::socket;
    default:
      return skipped::device;
  }
}

/// What an open of a file that was just seen to be regular failed of.
skipped reason_of(int error) {
  switch (error) {
    case EXDEV:
      return skipped::other_mount;
    case EACCES:
    case EPERM:
    case EAGAIN:  // leased
      return skipped::unreadable;
    case ENAMETOOLONG:
      return skipped::path_too_long;
    default:
      return skipped::changed;
  }
}

class gatherer {
 public:
  gatherer(std::span<const std::string> select, const harvest_limits& within)
      : select_{select}, within_{within}, deadline_{clock::now() + within.time}, entries_left_{within.entries} {}

  /// Reads the directory's descriptor to its end. False when all is to end.
  bool walk(const unique_fd& directory, const std::string& prefix, unsigned depth) {
    alignas(8) std::array<char, 8192> buffer{};
    for (;;) {
      const long size = ::syscall(SYS_getdents64, directory.get(), buffer.data(), buffer.size());
      if (size <= 0) return true;
      for (long at = 0; at < size;) {  // struct linux_dirent64: u64 inode, s64 offset, u16 length, u8 type, name
        unsigned short length = 0;
        std::memcpy(&length, buffer.data() + at + 16, sizeof length);
        const std::string entry{buffer.data() + at + 19};
        at += length;
        if (entry == "." || entry == "..") continue;
        if (entries_left_ == 0 || clock::now() > deadline_) return found_.complete = false;
        --entries_left_;
        if (!look_at(directory.get(), entry, prefix, depth)) return false;
      }
    }
  }

  harvest finish() {
    std::sort(found_.files.begin(), found_.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(found_);
  }

 private:
  bool look_at(int directory, const std::string& entry, const std::string& prefix, unsigned depth) {
    const auto path = prefix + entry;
    if (path.size() > within_.path) return leave(path.substr(0, within_.path), skipped::path_too_long);
    const auto seen = open_below(directory, entry, O_PATH);
    struct stat before {};
    if (!seen || ::fstat(seen.get(), &before) != 0) return leave(path, reason_of(errno));
    if (const auto why = reason_against(before.st_mode)) return !is_selected(path) || leave(path, *why);
    if (S_ISDIR(before.st_mode)) {
      if (depth >= within_.depth) return leave(path, skipped::too_deep);
      const auto below = open_below(directory, entry, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
      return below ? walk(below, path + "/", depth + 1) : leave(path, reason_of(errno));
    }
    if (!is_selected(path)) return true;
    if (found_.files.size() >= within_.files) return leave(path, skipped::too_many);
    if (!fits(before.st_size)) return leave(path, skipped::too_large);
    const auto file = open_below(directory, entry, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) return leave(path, reason_of(errno));
    return take(path, file.get(), before);
  }

  bool take(const std::string& path, int file, const struct stat& before) {
    struct stat now {};
    if (::fstat(file, &now) != 0 || !S_ISREG(now.st_mode) || !is_unchanged(before, now))
      return leave(path, skipped::changed);
    std::string content(static_cast<std::size_t>(now.st_size), '\0');
    for (std::size_t had = 0; had < content.size();) {
      if (clock::now() > deadline_) return found_.complete = false;
      const auto n =
          ::pread(file, content.data() + had, std::min(block, content.size() - had), static_cast<off_t>(had));
      if (n <= 0) return leave(path, n == 0 ? skipped::changed : reason_of(errno));
      had += static_cast<std::size_t>(n);
    }
    if (::fstat(file, &now) != 0 || !is_unchanged(before, now)) return leave(path, skipped::changed);
    held_ = held_ + bytes{content.size()};
    found_.files.push_back({path, std::move(content)});
    return true;
  }

  [[nodiscard]] bool is_selected(const std::string& path) const {
    return select_.empty() ||
           std::any_of(select_.begin(), select_.end(), [&](const auto& p) { return matches(p, path); });
  }
  [[nodiscard]] bool fits(off_t size) const {
    const bytes wanted{static_cast<std::uint64_t>(std::max<off_t>(size, 0))};
    return wanted <= within_.file_size && wanted <= within_.total && held_ + wanted <= within_.total;
  }
  bool leave(const std::string& path, skipped why) {
    ++found_.left_in_all;
    if (found_.left.size() < most_reported) found_.left.push_back({path, why});
    return true;
  }

  std::span<const std::string> select_;
  const harvest_limits& within_;
  clock::time_point deadline_;
  std::size_t entries_left_;
  bytes held_;
  harvest found_;
};

}  // namespace

std::string_view name(skipped why) noexcept {
  switch (why) {
    case skipped::symbolic_link:
      return "symbolic_link";
    case skipped::fifo:
      return "fifo";
    case skipped::socket:
      return "socket";
    case skipped::device:
      return "device";
    case skipped::other_mount:
      return "other_mount";
    case skipped::too_large:
      return "too_large";
    case skipped::too_many:
      return "too_many";
    case skipped::too_deep:
      return "too_deep";
    case skipped::path_too_long:
      return "path_too_long";
    case skipped::changed:
      return "changed";
    case skipped::unreadable:
      return "unreadable";
  }
  return "unknown";
}

/// Row by row over the pattern: no input makes it take longer than the product of both lengths.
bool matches(std::string_view pattern, std::string_view path) {
  std::vector<char> reached(path.size() + 1, 0), next(path.size() + 1, 0);
  reached[0] = 1;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    const bool across = pattern.substr(p, 2) == "**";
    next[0] = static_cast<char>(reached[0] != 0 && pattern[p] == '*');
    for (std::size_t n = 0; n < path.size(); ++n) {
      if (pattern[p] == '*')
        next[n + 1] = static_cast<char>(reached[n + 1] != 0 || (next[n] != 0 && (across || path[n] != '/')));
      else
        next[n + 1] =
            static_cast<char>(reached[n] != 0 && (pattern[p] == path[n] || (pattern[p] == '?' && path[n] != '/')));
    }
    if (across) ++p;
    reached.swap(next);
  }
  return reached.back() != 0;
}

result<harvest> gather(int root, std::span<const std::string> select, const harvest_limits& within) {
  if (select.size() > most_patterns)
    return failure{"gather", E2BIG, std::to_string(select.size()) + " patterns", "at most 64"};
  for (const auto& pattern : select)
    if (pattern.empty() || pattern.size() > longest_pattern || pattern.front() == '/')
      return failure{"gather", EINVAL, "pattern " + pattern, "1 to 255 bytes, relative to the volume"};
  const auto own = open_below(root, ".", O_RDONLY | O_DIRECTORY);  // an offset of its own to read the directory with
  if (!own) return os_failure("gather", "open the volume's root");
  gatherer all{select, within};
  (void)all.walk(own, "", 1);
  return all.finish();
}

result<unique_fd> open_left_file(int root, const std::string& path) {
  struct stat before {
  }, now{};
  const auto seen = open_below(root, path, O_PATH);
  if (!seen || ::fstat(seen.get(), &before) != 0) return os_failure("open_left_file", "open " + path);
  if (!S_ISREG(before.st_mode)) return failure{"open_left_file", EINVAL, path, "not a regular file"};
  auto file = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file || ::fstat(file.get(), &now) != 0) return os_failure("open_left_file", "open " + path);
  if (!S_ISREG(now.st_mode) || !is_same(before, now))
    return failure{"open_left_file", EAGAIN, path, "another has taken its place"};
  return file;
}

}  // namespace lazaret::sandbox
