#include "sandbox/gather.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "sandbox/open_resolved.hpp"
#include "sandbox/path_pattern.hpp"
#include "sandbox/utf8.hpp"

namespace lazaret::sandbox {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_patterns = 64, longest_pattern = 255, most_reported = 256, block = 256 << 10;
constexpr std::size_t most_path_bytes = 64 << 20;
constexpr int most_links = 8;
constexpr std::uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

/// The entry itself, not what it may lead to.
unique_fd look_at(int directory, const char* path) {
  return open_resolved(directory, path, O_PATH | O_NOFOLLOW, beneath | RESOLVE_NO_SYMLINKS);
}

/// Opens what `place` (O_PATH) stands for, whatever has taken its name since. An owner may open what it owns, whatever
/// mode the program left it with.
unique_fd reopen(int place, int flags, mode_t needed) {
  const auto self = "/proc/self/fd/" + std::to_string(place);
  unique_fd opened{::open(self.c_str(), flags | O_CLOEXEC)};
  if (!opened && errno == EACCES && ::chmod(self.c_str(), needed) == 0)
    opened.reset(::open(self.c_str(), flags | O_CLOEXEC));
  return opened;
}

unique_fd enter(int place) {
  // Below a directory without its x bit not even a path can be opened.
  if (::faccessat(place, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) != 0)
    ::chmod(("/proc/self/fd/" + std::to_string(place)).c_str(), 0700);
  return reopen(place, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0700);
}

std::int64_t nanoseconds(const timespec& t) { return t.tv_sec * 1'000'000'000LL + t.tv_nsec; }

bool is_unchanged(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && nanoseconds(a.st_mtim) == nanoseconds(b.st_mtim) &&
         nanoseconds(a.st_ctim) == nanoseconds(b.st_ctim);
}

/// What an open of something that was just seen failed of.
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

class collection {
 public:
  collection(int root, const gather_options& options)
      : root_{root}, options_{options}, until_{clock::now() + options.within}, entries_left_{options.entries} {
    for (const auto& pattern : options.select) select_.emplace_back(pattern);
    for (const auto& k : options.known) known_.emplace(k.path, k.modified);
  }

  /// Reads the directory to its end. False when all is to end. Takes the descriptor.
  bool walk(unique_fd directory, const std::string& prefix, unsigned depth) {
    const int fd = directory.get();
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{::fdopendir(fd), ::closedir};
    if (!stream) return true;
    (void)directory.release();
    while (const auto* entry = ::readdir(stream.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (entries_left_ == 0 || late()) return result_.complete = false;
      --entries_left_;
      if (name.starts_with('.') && !options_.hidden) continue;
      const auto path = prefix + entry->d_name;
      if (path.size() > options_.path)
        leave(path.substr(0, options_.path), skipped::path_too_long);
      else if (!consider(fd, entry->d_name, path, depth))
        return false;
    }
    return true;
  }

  gathered take_all() {
    std::ranges::sort(found_);
    for (const auto& path : found_)
      if (!take(path)) break;
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool late() const { return clock::now() >= until_; }

  bool consider(int directory, const char* name, const std::string& path, unsigned depth) {
    const auto place = look_at(directory, name);
    struct stat status {};
    if (!place || ::fstat(place.get(), &status) != 0) return leave(path, reason_of(errno));
    if (S_ISDIR(status.st_mode)) {
      if (!may_hold_some(path)) return true;
      if (depth >= options_.depth) return leave(path, skipped::too_deep);
      auto below = enter(place.get());
      return below ? walk(std::move(below), path + "/", depth + 1) : leave(path, reason_of(errno));
    }
    if (!is_selected(path)) return true;
    if (S_ISREG(status.st_mode) || (S_ISLNK(status.st_mode) && options_.follow_links)) {
      found_bytes_ += path.size();
      if (found_bytes_ > most_path_bytes) return result_.complete = false;
      found_.push_back(path);
      return true;
    }
    return leave(path, S_ISLNK(status.st_mode)    ? skipped::symbolic_link
                       : S_ISFIFO(status.st_mode) ? skipped::fifo
                       : S_ISSOCK(status.st_mode) ? skipped::socket
                                                  : skipped::device);
  }

  /// An absolute link means a place within the jail; what of it lies in the volume is known by its prefix.
  unique_fd follow(std::string path) const {
    for (int hops = 0; hops < most_links; ++hops) {
      auto place = open_resolved(root_, path.c_str(), O_PATH, beneath);
      if (place || errno != EXDEV) return place;
      const auto link = look_at(root_, path.c_str());
      std::array<char, PATH_MAX> text{};
      const auto size = link ? ::readlinkat(link.get(), "", text.data(), text.size()) : -1;
      if (size <= 0) return {};
      const std::string_view target{text.data(), static_cast<std::size_t>(size)};
      if (options_.place.empty() || !target.starts_with(options_.place + "/")) return {};
      path = target.substr(options_.place.size() + 1);
    }
    return {};
  }

  /// False: it and all after it stay where they are.
  bool take(const std::string& path) {
    auto place = look_at(root_, path.c_str());
    struct stat before {};
    if (!place || ::fstat(place.get(), &before) != 0) return leave(path, reason_of(errno));
    if (S_ISLNK(before.st_mode)) {
      place = options_.follow_links ? follow(path) : unique_fd{};
      if (!place || ::fstat(place.get(), &before) != 0 || !S_ISREG(before.st_mode))
        return leave(path, skipped::symbolic_link);
    }
    if (!S_ISREG(before.st_mode)) return leave(path, skipped::changed);
    if (const auto known = known_.find(path); known != known_.end() && known->second == nanoseconds(before.st_mtim))
      return true;
    if (const auto why = no_room_for(before)) return leave(path, *why) && !options_.ends_when_full;
    if (!is_utf8(path)) return leave(path, skipped::not_utf8);
    const auto file = reopen(place.get(), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0600);
    if (!file) return leave(path, reason_of(errno));
    return copy(path, file.get());
  }

  bool copy(const std::string& path, int file) {
    struct stat before {
    }, after{};
    if (::fstat(file, &before) != 0 || no_room_for(before)) return leave(path, skipped::changed);
    std::string content(static_cast<std::size_t>(before.st_size), '\0');
    for (std::size_t had = 0; had < content.size();) {
      if (late()) return result_.complete = false;
      const auto n = ::read(file, content.data() + had, std::min(block, content.size() - had));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return leave(path, n == 0 ? skipped::changed : reason_of(errno));
      had += static_cast<std::size_t>(n);
    }
    if (::fstat(file, &after) != 0 || !is_unchanged(before, after)) return leave(path, skipped::changed);
    held_ = held_ + bytes{content.size()};
    result_.files.push_back({path, std::move(content)});
    return true;
  }

  [[nodiscard]] std::optional<skipped> no_room_for(const struct stat& file) const {
    const bytes size{static_cast<std::uint64_t>(std::max<off_t>(file.st_size, 0))};
    if (result_.files.size() >= options_.most_files) return skipped::too_many;
    if (size > options_.file_size || size > options_.most_bytes || held_ + size > options_.most_bytes)
      return skipped::too_large;
    return std::nullopt;
  }

  [[nodiscard]] bool is_selected(const std::string& path) const {
    return select_.empty() || std::ranges::any_of(select_, [&](const auto& p) { return p.matches(path); });
  }
  [[nodiscard]] bool may_hold_some(const std::string& directory) const {
    return select_.empty() || std::ranges::any_of(select_, [&](const auto& p) { return p.may_match_below(directory); });
  }
  bool leave(const std::string& path, skipped why) {
    ++result_.left_in_all[static_cast<std::size_t>(why)];
    if (result_.left.size() < most_reported) result_.left.push_back({path, why});
    return true;
  }

  const int root_;
  const gather_options& options_;
  const clock::time_point until_;
  std::size_t entries_left_;
  std::vector<path_pattern> select_;
  std::unordered_map<std::string_view, std::int64_t> known_;
  std::vector<std::string> found_;
  std::size_t found_bytes_ = 0;
  bytes held_;
  gathered result_;
};

}  // namespace

std::string_view name(skipped why) noexcept {
  constexpr std::array<std::string_view, skipped_kinds> names{"symbolic_link", "fifo",      "socket",   "device",
                                                              "other_mount",   "too_large", "too_many", "too_deep",
                                                              "path_too_long", "not_utf8",  "changed",  "unreadable"};
  return names[static_cast<std::size_t>(why)];
}

result<gathered> gather(int root, const gather_options& options) {
  if (options.select.size() > most_patterns)
    return failure{"gather", E2BIG, std::to_string(options.select.size()) + " patterns", "at most 64"};
  for (const auto& pattern : options.select)
    if (pattern.empty() || pattern.size() > longest_pattern || pattern.front() == '/')
      return failure{"gather", EINVAL, "pattern " + pattern, "1 to 255 bytes, relative to the volume"};
  auto own = enter(root);  // with an offset of its own to read the directory with
  if (!own) return os_failure("gather", "open the volume's root");
  collection all{own.get(), options};
  unique_fd listing{::openat(own.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  (void)all.walk(std::move(listing), "", 1);
  return all.take_all();
}

result<unique_fd> open_left_file(int root, const std::string& path) {
  const auto place = look_at(root, path.c_str());
  struct stat status {};
  if (!place || ::fstat(place.get(), &status) != 0) return os_failure("open_left_file", "open " + path);
  if (!S_ISREG(status.st_mode)) return failure{"open_left_file", EINVAL, path, "not a regular file"};
  auto file = reopen(place.get(), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0600);
  if (!file) return os_failure("open_left_file", "open " + path);
  return file;
}

}  // namespace lazaret::sandbox
