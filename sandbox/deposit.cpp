#include "sandbox/deposit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <map>
#include <string_view>

#include "sandbox/open_resolved.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {
namespace {

unique_fd open_below(int root, const std::string& path, int flags, unsigned mode = 0) {
  return open_resolved(root, path.c_str(), static_cast<unsigned>(flags), beneath_through_no_link, mode);
}

/// errno of what stands in the way; 0 when all parents are there.
int make_parents(int root, const std::string& path, std::optional<uid_t> owner) {
  for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
    const auto parent = path.substr(0, slash);
    if (::mkdirat(root, parent.c_str(), 0755) == 0) {
      if (owner && ::fchownat(root, parent.c_str(), *owner, *owner, AT_SYMLINK_NOFOLLOW) != 0) return errno;
      continue;
    }
    if (errno != EEXIST) return errno;
    // A file where the file's own directory should be exists; one further up is no directory.
    if (!open_below(root, parent, O_PATH | O_DIRECTORY))
      return path.find('/', slash + 1) == path.npos ? EEXIST : ENOTDIR;
  }
  return 0;
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const auto n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

std::int64_t nanoseconds(const timespec& t) { return t.tv_sec * 1'000'000'000LL + t.tv_nsec; }

failure misplaced(const std::string& path, int error) { return {"deposit", error, path, {}}; }

/// The time of its last change.
result<std::int64_t> put(int root, const volume_file& file, std::optional<uid_t> owner) {
  if (file.path.empty()) return misplaced(file.path, EISDIR);
  if (const int error = make_parents(root, file.path, owner)) return misplaced(file.path, error);
  const auto fd = open_below(root, file.path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0700);
  if (!fd) return misplaced(file.path, errno);
  if (const int error = write_all(fd.get(), file.content)) return misplaced(file.path, error);
  if (owner && ::fchown(fd.get(), *owner, *owner) != 0) return misplaced(file.path, errno);
  ::fchmod(fd.get(), 0777);
  // The kernel stamps files with the time of its last tick, so a program that is quick could change one unseen. The
  // clock itself lies between two ticks.
  timespec now[2]{{0, UTIME_OMIT}, {}};
  ::clock_gettime(CLOCK_REALTIME, &now[1]);
  struct stat status {};
  if (::futimens(fd.get(), now) != 0 || ::fstat(fd.get(), &status) != 0) return misplaced(file.path, errno);
  return nanoseconds(status.st_mtim);
}

}  // namespace

result<std::vector<known_file>> deposit(int root, std::span<const volume_file> files, std::optional<uid_t> owner) {
  std::map<std::string_view, std::int64_t> modified;
  for (const auto& file : files) {
    const auto done = put(root, file, owner);
    if (!done) return done.error();
    modified[file.path] = *done;
  }
  std::vector<known_file> known;
  known.reserve(modified.size());
  for (const auto& [path, when] : modified) known.push_back({std::string{path}, when});
  return known;
}

}  // namespace lazaret::sandbox
