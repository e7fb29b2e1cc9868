#include "sandbox/gather.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {
namespace {

using clock = std::chrono::steady_clock;

constexpr int deepest = 256;
constexpr int most_links = 8;
constexpr std::size_t most_path_bytes = 64 << 20;
constexpr std::uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

unique_fd open_below(int root, const char* path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = resolve;
  return unique_fd{static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how))};
}

/// The owner may open what it owns, whatever mode the program left it with.
unique_fd reopen(int place, int flags, mode_t needed) {
  const auto self = "/proc/self/fd/" + std::to_string(place);
  unique_fd opened{::open(self.c_str(), flags | O_CLOEXEC)};
  if (!opened && errno == EACCES && ::chmod(self.c_str(), needed) == 0)
    opened.reset(::open(self.c_str(), flags | O_CLOEXEC));
  return opened;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = at(0);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i)
      if ((at(i) & 0xC0) != 0x80) return false;
    // No overlong forms, no surrogates, nothing past U+10FFFF (Unicode 15, table 3-7).
    if ((lead == 0xE0 && at(1) < 0xA0) || (lead == 0xED && at(1) > 0x9F) || (lead == 0xF0 && at(1) < 0x90) ||
        (lead == 0xF4 && at(1) > 0x8F))
      return false;
    text.remove_prefix(length);
  }
  return true;
}

/// One look at one volume.
class collection {
 public:
  collection(int root, const gather_options& options)
      : root_{root}, options_{options}, until_{clock::now() + options.within} {
    for (const auto& k : options.known) known_.emplace(k.path, k.modified);
  }

  gathered all() {
    ::fchmod(root_, 0700);  // the program may have left it without any right
    walk(root_, "", 0);
    std::ranges::sort(found_);
    for (std::size_t i = 0; i < found_.size() && how_ == gathering::complete; ++i)
      if (!take(found_[i])) break;
    if (how_ != gathering::complete) result_.files.clear();
    result_.how = how_;
    return std::move(result_);
  }

 private:
  bool late() {
    if (clock::now() >= until_) how_ = gathering::too_late;
    return how_ != gathering::complete;
  }

  void walk(int directory, const std::string& prefix, int depth) {
    if (depth > deepest) {
      how_ = gathering::too_deep;
      return;
    }
    auto listing = reopen(directory, O_RDONLY | O_DIRECTORY, 0700);
    if (!listing) return;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{::fdopendir(listing.get()), ::closedir};
    if (!stream) return;
    const int fd = listing.release();
    while (const auto* entry = ::readdir(stream.get())) {
      if (late()) return;
      const std::string_view name = entry->d_name;
      if (name.starts_with('.')) continue;
      if (entry->d_type == DT_DIR) {
        if (!options_.recursive) continue;
        // Of a directory without its x bit not even a path can be opened below it.
        const auto below =
            open_below(fd, entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW, beneath | RESOLVE_NO_SYMLINKS);
        if (below && ::faccessat(below.get(), "", X_OK, AT_EMPTY_PATH) != 0)
          ::chmod(("/proc/self/fd/" + std::to_string(below.get())).c_str(), 0700);
        if (below) walk(below.get(), prefix + entry->d_name + "/", depth + 1);
      } else if ((entry->d_type == DT_REG || entry->d_type == DT_LNK) &&
                 ::fnmatch(options_.pattern.c_str(), entry->d_name, 0) == 0) {
        auto path = prefix + entry->d_name;
        found_bytes_ += path.size();
        if (found_bytes_ > most_path_bytes) how_ = gathering::too_deep;  // so long they are only far down
        if (path.size() < PATH_MAX) found_.push_back(std::move(path));
      }
    }
  }

  /// An absolute link means a place within the jail; what of it lies in the volume is known by its prefix.
  unique_fd open_file(std::string path) {
    for (int hops = 0; hops < most_links; ++hops) {
      auto fd = open_below(root_, path.c_str(), O_PATH, beneath);
      if (fd || errno != EXDEV) return fd;
      const auto link = open_below(root_, path.c_str(), O_PATH | O_NOFOLLOW, beneath | RESOLVE_NO_SYMLINKS);
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
    const auto place = open_file(path);
    struct stat status {};
    if (!place || ::fstat(place.get(), &status) != 0 || !S_ISREG(status.st_mode)) return true;
    const auto modified = status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec;
    if (const auto known = known_.find(path); known != known_.end() && known->second == modified) return true;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (result_.files.size() >= options_.most_files || size > options_.most_bytes.count - taken_) return false;
    taken_ += size;
    if (!is_utf8(path)) {
      how_ = gathering::bad_name;
      return false;
    }
    const auto file = reopen(place.get(), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0600);
    result_.files.push_back({path, std::string(size, '\0')});
    if (!file || !read_all(file.get(), result_.files.back().content)) {
      if (how_ == gathering::complete) how_ = gathering::unreadable;
      return false;
    }
    return true;
  }

  bool read_all(int fd, std::string& into) {
    constexpr std::size_t piece = 4 << 20;
    for (std::size_t done = 0; done < into.size();) {
      if (late()) return false;
      const auto n = ::read(fd, into.data() + done, std::min(piece, into.size() - done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      done += static_cast<std::size_t>(n);
    }
    return true;
  }

  const int root_;
  const gather_options& options_;
  const clock::time_point until_;
  gathering how_ = gathering::complete;
  std::vector<std::string> found_;
  std::unordered_map<std::string_view, std::int64_t> known_;
  std::size_t found_bytes_ = 0;
  std::uint64_t taken_ = 0;
  gathered result_;
};

}  // namespace

gathered gather(int root, const gather_options& options) { return collection{root, options}.all(); }

}  // namespace lazaret::sandbox
