#include "sandbox/hand_out.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "sandbox/open_resolved.hpp"
#include "sandbox/wire.hpp"

namespace lazaret::sandbox {
namespace {

/// The thing itself, whatever it is: no link is followed, and no pipe or device is opened to find out.
unique_fd find(int root, const std::string& name) {
  return open_resolved(root, name.c_str(), O_PATH | O_NOFOLLOW, beneath_through_no_link | RESOLVE_NO_XDEV);
}

/// The owner may read what it owns, whatever mode the program left it with.
unique_fd open_for_reading(int place) {
  const auto self = "/proc/self/fd/" + std::to_string(place);
  constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  unique_fd opened{::open(self.c_str(), flags)};
  if (!opened && errno == EACCES && ::chmod(self.c_str(), 0600) == 0) opened.reset(::open(self.c_str(), flags));
  return opened;
}

result<std::vector<std::string>> names_in(int root) {
  ::fchmod(root, 0700);  // the program may have left it without any right
  unique_fd listing{::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  const std::unique_ptr<DIR, int (*)(DIR*)> stream{listing ? ::fdopendir(listing.get()) : nullptr, ::closedir};
  if (!stream) return os_failure("hand_out", "open the volume's root");
  (void)listing.release();
  std::vector<std::string> names;
  while (const auto* entry = ::readdir(stream.get()))
    if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  std::ranges::sort(names);
  return names;
}

}  // namespace

result<handed_files> hand_out(int root, const std::string& after) {
  const auto names = names_in(root);
  if (!names) return names.error();
  handed_files out;
  for (const auto& name : *names) {
    const auto place = find(root, name);
    struct stat status {};
    const bool seen = place && ::fstat(place.get(), &status) == 0;
    if (seen && S_ISDIR(status.st_mode))
      ++out.directories;
    else if (!seen || !S_ISREG(status.st_mode))
      ++out.special;
    else if (name <= after)
      continue;
    else if (out.files.size() == wire::max_fds)
      out.more = true;
    else if (auto opened = open_for_reading(place.get()); opened) {
      out.files.push_back({name, static_cast<std::uint64_t>(status.st_size)});
      out.opened.push_back(std::move(opened));
    } else
      ++out.unreadable;
  }
  return out;
}

}  // namespace lazaret::sandbox
