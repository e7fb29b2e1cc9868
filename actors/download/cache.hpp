#pragma once
/// Files by their SHA-256, shared by all runs: DIR/sha256/ab/abcdef... Thread-safe; one process owns DIR.
///
/// A file gets its name only after its digest was verified and it was fsync'd, so a name promises its content; still,
/// each is read and checked again when a process uses it for the first time. Those that no longer fit are dropped.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "actors/download/fetcher.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/units.hpp"

namespace lazaret::download {

/// A verified file. The descriptor keeps the content alive even when the cache drops the name; read it with pread(2),
/// since its offset is shared.
struct blob {
  std::string sha256;
  std::uint64_t size = 0;
  bool from_cache = false;
  std::filesystem::path path;
  std::shared_ptr<const sandbox::unique_fd> file;
};

struct wanted_blob {
  std::string url;
  std::string sha256;                 ///< empty: nothing to verify against; the digest is computed
  std::optional<std::uint64_t> size;  ///< as the index says; more or fewer bytes are a digest_mismatch
};

struct cache_options {
  std::filesystem::path folder;
  sandbox::bytes limit{10ULL << 30};  ///< beyond it the files that were not used for longest go
};

class blob_cache {
 public:
  /// Makes the folders; a leftover of a download that was cut off goes.
  [[nodiscard]] static result<std::unique_ptr<blob_cache>> open(cache_options options);
  ~blob_cache();

  /// The blob from the cache, else from its URL. Callers who want the same one share one download, each paying its own
  /// budget (null: not counted). A blob without a digest is always downloaded: what its URL serves may have changed.
  [[nodiscard]] result<blob> obtain(fetcher& from, const wanted_blob& wanted, download_budget* budget,
                                    std::stop_token stop);

  /// From the cache alone.
  [[nodiscard]] std::optional<blob> find(const std::string& sha256);

 private:
  struct flight;
  explicit blob_cache(cache_options options);
  [[nodiscard]] std::filesystem::path path_of(const std::string& sha256) const;
  [[nodiscard]] result<blob> download(fetcher& from, const wanted_blob& wanted, download_budget* budget,
                                      const std::stop_token& stop);
  void keep_below_limit();

  const cache_options options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<flight>> flights_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> verified_;  // digest: inode and size
  std::uint64_t total_ = 0;
};

}  // namespace lazaret::download
