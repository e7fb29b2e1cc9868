#pragma once
/// The registry as all runs share it: one fetcher, one cache of files, a short memory of pages. Thread-safe.

#include <chrono>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "actors/download/archive.hpp"
#include "actors/download/cache.hpp"
#include "actors/download/fetcher.hpp"
#include "actors/download/index.hpp"
#include "actors/download/tags.hpp"
#include "metrics/instruments.hpp"

namespace lazaret::download {

struct registry_options {
  std::string index_url;              ///< PYPI_INDEX_URL, without credentials
  cache_options cache;                ///< DATA_DIR/cache
  fetch_options fetch;                ///< trusted_host is set from index_url
  interpreter python;                 ///< of the jail
  std::vector<std::string> denylist;  ///< PACKAGE_DENYLIST
  archive_limits archives;
  sandbox::bytes largest_page{64ULL << 20};
  /// How long a page is believed. Long enough that a run's pip reads what its download stage read; raise it to be
  /// gentler on the index, at the price of seeing new releases later.
  std::chrono::seconds page_life{60};
  sandbox::bytes remembered_pages{64ULL << 20};  ///< by the size that they had on the wire
};

using page_ptr = std::shared_ptr<const index_page>;

class registry {
 public:
  /// Fails when the cache's folder can't be made.
  [[nodiscard]] static result<std::unique_ptr<registry>> open(registry_options options, metrics::instruments& count);

  /// not_found says `package not found in the index: NAME`. A name that is none is refused before anything is sent.
  [[nodiscard]] result<page_ptr> page(std::string_view name, download_budget* budget, std::stop_token stop);
  /// The verified file; `budget` null when this run has paid for it already.
  [[nodiscard]] result<blob> file(const wanted_blob& wanted, download_budget* budget, std::stop_token stop);

  [[nodiscard]] const registry_options& options() const noexcept { return options_; }
  [[nodiscard]] const tag_ranks& ranks() const noexcept { return ranks_; }
  [[nodiscard]] blob_cache& cache() noexcept { return *cache_; }

 private:
  struct remembered {
    std::string name;
    page_ptr page;
    std::uint64_t size;
    std::chrono::steady_clock::time_point until;
  };
  registry(registry_options options, std::unique_ptr<blob_cache> cache, metrics::instruments& count);
  void remember(std::string name, page_ptr page, std::uint64_t size);

  const registry_options options_;
  const tag_ranks ranks_;
  fetcher fetcher_;
  std::unique_ptr<blob_cache> cache_;
  metrics::instruments& count_;
  std::mutex mutex_;
  std::list<remembered> pages_;  // the newest first
};

}  // namespace lazaret::download
