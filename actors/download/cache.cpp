#include "actors/download/cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <tuple>
#include <vector>

#include "actors/download/digest.hpp"
#include "actors/fault_point.hpp"

namespace lazaret::download {
namespace fs = std::filesystem;
namespace {

using sandbox::unique_fd;

download_error local_failure(const std::string& step, const fs::path& path) {
  return {problem::local, step + " " + path.string() + ": " + ::strerror(errno)};
}

/// A file under a name of its own until it is complete; unlinked unless it was renamed.
class part_file final : public sink {
 public:
  explicit part_file(const fs::path& folder) : name_{(folder / "part-XXXXXX").string()} {
    fd_.reset(::mkostemp(name_.data(), O_CLOEXEC));
    if (!fd_) error_ = errno;
  }
  ~part_file() override {
    if (fd_ && !named_) ::unlink(name_.c_str());
  }
  [[nodiscard]] bool restart() override {
    digest_.restart();
    if (!fd_) return false;
    if (::ftruncate(fd_.get(), 0) == 0 && ::lseek(fd_.get(), 0, SEEK_SET) == 0) return true;
    error_ = errno;
    return false;
  }
  [[nodiscard]] bool write(std::string_view bytes) override {
    digest_.update(bytes);
    while (!bytes.empty()) {
      const auto n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return error_ = errno, false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
      LAZARET_FAULT_POINT("cache.partial");
    }
    return true;
  }
  [[nodiscard]] std::string local_error() const override { return ::strerror(error_); }
  [[nodiscard]] std::string digest() { return digest_.finish(); }

  /// fsync(2) of the file before and of the folder after the rename: without both a power cut may leave an empty name.
  [[nodiscard]] bool become(const fs::path& path) {
    LAZARET_FAULT_POINT("cache.whole");
    if (::fchmod(fd_.get(), 0644) != 0 || ::fsync(fd_.get()) != 0) return false;
    LAZARET_FAULT_POINT("cache.synced");
    if (::rename(name_.c_str(), path.c_str()) != 0) return false;
    named_ = true;
    LAZARET_FAULT_POINT("cache.named");
    const unique_fd folder{::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return folder && ::fsync(folder.get()) == 0;
  }

 private:
  std::string name_;
  unique_fd fd_;
  sha256 digest_;
  int error_ = 0;
  bool named_ = false;
};

}  // namespace

/// A download that several may wait for.
struct blob_cache::flight {
  std::mutex mutex;
  std::condition_variable_any ended;
  std::optional<result<blob>> outcome;
};

blob_cache::blob_cache(cache_options options) : options_{std::move(options)} {}
blob_cache::~blob_cache() = default;

result<std::unique_ptr<blob_cache>> blob_cache::open(cache_options options) {
  std::unique_ptr<blob_cache> cache{new blob_cache{std::move(options)}};
  std::error_code ec;
  for (const auto* folder : {"sha256", "parts"}) {
    const auto path = cache->options_.folder / folder;
    if (fs::create_directories(path, ec); ec)
      return download_error{problem::local, "mkdir " + path.string() + ": " + ec.message()};
  }
  for (const auto& entry : fs::directory_iterator{cache->options_.folder / "parts", ec}) fs::remove(entry, ec);
  for (const auto& entry : fs::recursive_directory_iterator{cache->options_.folder / "sha256", ec})
    if (entry.is_regular_file(ec)) cache->total_ += entry.file_size(ec);
  cache->keep_below_limit();
  return cache;
}

fs::path blob_cache::path_of(const std::string& sha256) const {
  return options_.folder / "sha256" / sha256.substr(0, 2) / sha256;
}

std::optional<blob> blob_cache::find(const std::string& sha256) {
  if (!is_sha256(sha256)) return std::nullopt;
  const auto path = path_of(sha256);
  auto file = std::make_shared<unique_fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat st {};
  if (!*file || ::fstat(file->get(), &st) != 0 || !S_ISREG(st.st_mode)) return std::nullopt;
  const std::pair<std::uint64_t, std::uint64_t> identity{st.st_ino, static_cast<std::uint64_t>(st.st_size)};
  bool known = false;
  {
    const std::scoped_lock lock{mutex_};
    const auto it = verified_.find(sha256);
    known = it != verified_.end() && it->second == identity;
  }
  if (!known && sha256_of_file(file->get()) != sha256) {
    ::unlink(path.c_str());
    const std::scoped_lock lock{mutex_};
    verified_.erase(sha256);
    total_ -= std::min(total_, identity.second);
    return std::nullopt;
  }
  ::futimens(file->get(), nullptr);  // used now; see keep_below_limit
  const std::scoped_lock lock{mutex_};
  verified_[sha256] = identity;
  return blob{sha256, identity.second, true, path, std::move(file)};
}

result<blob> blob_cache::obtain(fetcher& from, const wanted_blob& wanted, download_budget* budget,
                                std::stop_token stop) {
  // Whoever failed for a reason of its own (canceled, out of its budget) has not failed for those who waited with it.
  const auto its_own = [](const download_error& e) {
    return e.what == problem::canceled || e.what == problem::cap_exceeded;
  };
  // The URL is part of it: an index entry that names an honest file's digest, and serves rubbish or nothing, must not
  // fail or hold up a run that takes the file from elsewhere.
  const auto key = wanted.sha256 + ' ' + wanted.url;
  for (;;) {
    if (auto hit = find(wanted.sha256)) {
      if (budget && !budget->take(hit->size)) return download_error{problem::cap_exceeded, std::string{cap_text}};
      return *hit;
    }
    std::shared_ptr<flight> shared;
    bool leads = false;
    {
      const std::scoped_lock lock{mutex_};
      auto& slot = flights_[key];
      leads = !slot;
      if (leads) slot = std::make_shared<flight>();
      shared = slot;
    }
    if (leads) {
      auto outcome = download(from, wanted, budget, stop);
      {
        const std::scoped_lock lock{mutex_};
        flights_.erase(key);
      }
      {
        const std::scoped_lock lock{shared->mutex};
        shared->outcome = outcome;
      }
      shared->ended.notify_all();
      if (outcome) keep_below_limit();
      return outcome;
    }
    std::unique_lock lock{shared->mutex};
    if (!shared->ended.wait(lock, stop, [&] { return shared->outcome.has_value(); }))
      return download_error{problem::canceled, "canceled"};
    if (shared->outcome->has_error() && its_own(shared->outcome->error())) continue;
    auto outcome = *shared->outcome;
    if (outcome) {
      if (budget && !budget->take(outcome->size)) return download_error{problem::cap_exceeded, std::string{cap_text}};
      outcome->from_cache = true;
    }
    return outcome;
  }
}

result<blob> blob_cache::download(fetcher& from, const wanted_blob& wanted, download_budget* budget,
                                  const std::stop_token& stop) {
  part_file part{options_.folder / "parts"};
  fetch_request request;
  request.url = wanted.url;
  request.budget = budget;
  if (wanted.size) request.largest = *wanted.size;
  const auto got = from.get(request, part, stop);
  if (!got) {
    const bool too_long = wanted.size && got.error().what == problem::cap_exceeded && got.error().text != cap_text;
    return too_long ? download_error{problem::digest_mismatch, got.error().text + ", the size in the index"}
                    : got.error();
  }
  const auto digest = part.digest();
  if (wanted.size && *wanted.size != got->size)
    return download_error{problem::digest_mismatch, wanted.url + ": has " + std::to_string(got->size) +
                                                        " bytes, the index says " + std::to_string(*wanted.size)};
  if (!wanted.sha256.empty() && digest != wanted.sha256)
    return download_error{problem::digest_mismatch,
                          wanted.url + ": has sha256 " + digest + ", the index says " + wanted.sha256};
  const auto path = path_of(digest);
  std::error_code ec;
  fs::create_directory(path.parent_path(), ec);
  if (!part.become(path)) return local_failure("keep", path);
  auto file = std::make_shared<unique_fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat st {};
  if (!*file || ::fstat(file->get(), &st) != 0) return local_failure("open", path);
  const std::scoped_lock lock{mutex_};
  verified_[digest] = {st.st_ino, got->size};
  total_ += got->size;
  return blob{digest, got->size, false, path, std::move(file)};
}

void blob_cache::keep_below_limit() {
  const std::scoped_lock lock{mutex_};
  if (total_ <= options_.limit.count) return;
  std::vector<std::tuple<fs::file_time_type, std::uint64_t, fs::path>> all;
  std::error_code ec;
  total_ = 0;
  for (const auto& entry : fs::recursive_directory_iterator{options_.folder / "sha256", ec}) {
    if (!entry.is_regular_file(ec)) continue;
    all.emplace_back(entry.last_write_time(ec), entry.file_size(ec), entry.path());
    total_ += std::get<1>(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const auto& [time, size, path] : all) {
    if (total_ <= options_.limit.count / 10 * 9) break;  // some room, so that this scan is rare
    if (!fs::remove(path, ec)) continue;
    verified_.erase(path.filename().string());
    total_ -= std::min(total_, size);
  }
}

}  // namespace lazaret::download
