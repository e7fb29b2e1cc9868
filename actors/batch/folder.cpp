#include "actors/batch/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "actors/fault_point.hpp"
#include "actors/on_disk.hpp"
#include "sandbox/try.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::batch {
namespace {

namespace fs = std::filesystem;
using actors::sync_folder;
using sandbox::os_failure;
using sandbox::result;
using sandbox::unique_fd;

result<void> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const auto n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_failure("keep", "write a job's files", "is the disk of BLOB_DIR full?");
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

result<folder> folder::open(const fs::path& blob_dir) {
  const auto root = blob_dir / "jobs";
  std::error_code bad;
  fs::create_directories(root, bad);
  if (bad) return sandbox::failure{"open_blobs", bad.value(), root.string(), "BLOB_DIR"};
  if (::access(root.c_str(), R_OK | W_OK | X_OK) != 0)
    return os_failure("open_blobs", root.string(), "BLOB_DIR must be writable by RUN_AS_USER");
  LAZARET_TRY(sync_folder(blob_dir));
  return folder{fs::absolute(root)};
}

result<std::vector<kept_file>> folder::keep(const std::string& id, std::span<const incoming_file> files) const {
  const auto place = root_ / id;
  if (::mkdir(place.c_str(), 0700) != 0) return os_failure("keep", "mkdir " + place.string());
  std::vector<kept_file> kept;
  const auto all = [&]() -> result<void> {
    const unique_fd fd{::open(input(id).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!fd) return os_failure("keep", "open " + input(id).string());
    std::uint64_t offset = 0;
    for (const auto& file : files) {
      LAZARET_TRY(write_all(fd.get(), file.content));
      kept.push_back({file.role, file.name, offset, file.content.size()});
      offset += file.content.size();
    }
    LAZARET_FAULT_POINT("job.input");
    if (::fsync(fd.get()) != 0) return os_failure("keep", "fsync " + input(id).string());
    LAZARET_TRY(sync_folder(place));
    return sync_folder(root_);
  };
  if (auto done = all(); !done) {
    remove(id);
    return done.error();
  }
  return kept;
}

void folder::remove(const std::string& id) const noexcept {
  std::error_code ignored;
  fs::remove_all(root_ / id, ignored);
}

result<void> write_whole(const fs::path& file, std::string_view content) {
  const unique_fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd) return os_failure("keep", "open " + file.string());
  LAZARET_TRY(write_all(fd.get(), content));
  if (::fsync(fd.get()) != 0) return os_failure("keep", "fsync " + file.string());
  return sync_folder(file.parent_path());
}

result<std::string> read_piece(int file, const kept_file& piece) {
  std::string content(piece.size, '\0');
  for (std::size_t done = 0; done < content.size();) {
    const auto n = ::pread(file, content.data() + done, content.size() - done, static_cast<off_t>(piece.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return os_failure("read_piece", "a job's input", "was BLOB_DIR changed?");
    done += static_cast<std::size_t>(n);
  }
  return {boost::system::in_place_value, std::move(content)};
}

}  // namespace lazaret::batch
