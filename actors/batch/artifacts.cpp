#include "actors/batch/artifacts.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

#include "actors/fault_point.hpp"
#include "actors/json.hpp"
#include "actors/on_disk.hpp"
#include "sandbox/try.hpp"

namespace lazaret::batch {
namespace {

using clock = std::chrono::steady_clock;
using sandbox::os_failure;
using sandbox::result;
using sandbox::unique_fd;

constexpr std::chrono::seconds patience{120};
constexpr std::size_t piece_bytes = 4 << 20;

class taking {
 public:
  taking(std::string into, std::size_t most, sandbox::bytes most_bytes)
      : into_{std::move(into)}, most_{most}, most_bytes_{most_bytes.count} {}

  result<taken_artifacts> all(sandbox::jailer& jails, const sandbox::volume& from) {
    std::string after;
    for (bool more = true; more;) {
      auto some = jails.hand_out(from, after);
      if (!some) return some.error();
      more = some->more && !some->files.empty();
      if (after.empty()) note(*some);
      for (std::size_t n = 0; n < some->files.size(); ++n) {
        after = some->files[n].name;
        LAZARET_TRY(take(some->files[n], some->opened[n].get()));
      }
    }
    if (to_) LAZARET_TRY(sync());
    return std::move(taken_);
  }

 private:
  void leave_out(std::uint64_t count, const char* what) {
    if (count == 0) return;
    taken_.left_out += count;
    if (taken_.why.find(what) == std::string::npos) taken_.why += (taken_.why.empty() ? "" : ", ") + std::string{what};
  }

  void note(const sandbox::handed_files& found) {
    leave_out(found.directories, "directories");
    leave_out(found.special, "links and special files");
    leave_out(found.unreadable, "unreadable files");
  }

  result<void> take(const sandbox::handed_files::file& file, int from) {
    if (actors::valid_utf8(file.name) != file.name) return leave_out(1, "names that are not UTF-8"), result<void>{};
    if (taken_.files.size() >= most_) return leave_out(1, "more files than are kept"), result<void>{};
    if (file.size > most_bytes_ - offset_) return leave_out(1, "more bytes than are kept"), result<void>{};
    if (clock::now() >= until_) return leave_out(1, "what took too long"), result<void>{};
    if (!to_) to_.reset(::open(into_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!to_) return os_failure("take_artifacts", "open " + into_, "BLOB_DIR");
    LAZARET_TRY(copy(from, file.size));
    taken_.files.push_back({"", file.name, offset_, file.size});
    offset_ += file.size;
    return {};
  }

  result<void> copy(int from, std::uint64_t left) {
    while (left > 0) {
      const auto n = ::sendfile(to_.get(), from, nullptr, std::min<std::uint64_t>(left, piece_bytes));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_failure("take_artifacts", "write " + into_, "is the disk of BLOB_DIR full?");
      if (n == 0) return sandbox::failure{"take_artifacts", 0, "a file became shorter", {}};
      left -= static_cast<std::uint64_t>(n);
    }
    return {};
  }

  result<void> sync() {
    LAZARET_FAULT_POINT("job.artifacts_draft");
    if (::fsync(to_.get()) != 0) return os_failure("take_artifacts", "fsync " + into_);
    LAZARET_FAULT_POINT("job.artifacts");
    return actors::sync_folder(std::filesystem::path{into_}.parent_path());
  }

  const std::string into_;
  const std::size_t most_;
  const std::uint64_t most_bytes_;
  const clock::time_point until_ = clock::now() + patience;
  unique_fd to_;
  std::uint64_t offset_ = 0;
  taken_artifacts taken_;
};

}  // namespace

result<taken_artifacts> take_artifacts(sandbox::jailer& jails, const sandbox::volume& from, const std::string& into,
                                       std::size_t most, sandbox::bytes most_bytes) {
  return taking{into, most, most_bytes}.all(jails, from);
}

}  // namespace lazaret::batch
