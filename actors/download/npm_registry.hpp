#pragma once
/// npm's registry as all jails share it: packuments and tarballs, of one origin alone. Thread-safe.
///
/// A tarball's digest is npm's own to check: what a packument promises is handed on with it. Here a byte cap holds, and
/// nobody is led elsewhere: neither by a packument's links, nor, past this machine's own networks, by a redirect.

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "actors/download/cache.hpp"
#include "actors/download/fetcher.hpp"
#include "metrics/instruments.hpp"

namespace lazaret::download {

struct npm_options {
  std::string registry_url;  ///< NPM_REGISTRY_URL, without credentials
  fetch_options fetch;       ///< trusted_host and trusted_port are set from it
  sandbox::bytes largest_packument{32ULL << 20};
};

class npm_registry {
 public:
  /// `cache` must outlive it. Refused: an address that is none.
  [[nodiscard]] static result<std::unique_ptr<npm_registry>> open(npm_options options, blob_cache& cache,
                                                                  metrics::instruments& count);

  /// The registry's document about a package, abbreviated where it can: JSON, as it came.
  [[nodiscard]] result<std::string> packument(std::string_view name, download_budget& budget, std::stop_token stop);
  /// `url` has passed is_ours().
  [[nodiscard]] result<blob> tarball(const std::string& url, download_budget& budget, std::stop_token stop);

  /// Of the registry's scheme, host and port, below its path, and nothing that leads out of it.
  [[nodiscard]] bool is_ours(std::string_view url) const;

 private:
  npm_registry(npm_options options, blob_cache& cache, metrics::instruments& count);

  const npm_options options_;  // registry_url ends with a slash
  fetcher fetcher_;
  blob_cache& cache_;
  metrics::instruments& count_;
};

/// `name` or `@scope/name`, each part of letters, digits, `.`, `_`, `~` and `-`, not beginning with a dot; at most 214
/// characters (npm's validate-npm-package-name; capitals are in names of old).
[[nodiscard]] bool is_npm_name(std::string_view text) noexcept;

}  // namespace lazaret::download
