#include "actors/on_disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "sandbox/try.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::actors {
namespace {

namespace fs = std::filesystem;
using sandbox::os_failure;
using sandbox::result;
using sandbox::unique_fd;

}  // namespace

result<void> sync_folder(const fs::path& which) {
  const unique_fd fd{::open(which.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) return os_failure("sync", "fsync " + which.string());
  return {};
}

result<void> sync_tree(const fs::path& folder, const fs::path& root) {
  std::vector<std::pair<unique_fd, fs::path>> files;
  std::error_code bad;
  for (fs::directory_iterator at{folder, bad}, end; !bad && at != end; at.increment(bad)) {
    if (!fs::is_regular_file(at->symlink_status())) continue;
    unique_fd fd{::open(at->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd) return os_failure("sync", "open " + at->path().string());
    files.emplace_back(std::move(fd), at->path());
  }
  if (bad) return sandbox::failure{"sync", bad.value(), "list " + folder.string(), {}};
  // All are on their way before the first is waited for: one commit of the file system's journal then has them all.
  for (const auto& [fd, path] : files) static_cast<void>(::sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
  for (const auto& [fd, path] : files)
    if (::fsync(fd.get()) != 0) return os_failure("sync", "fsync " + path.string(), "is the disk well?");
  for (auto above = folder;; above = above.parent_path()) {
    LAZARET_TRY(sync_folder(above));
    if (above == root || !above.has_relative_path()) return {};
  }
}

}  // namespace lazaret::actors
