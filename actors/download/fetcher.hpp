#pragma once
/// HTTP from registries, hardened: the only place that knows libcurl. Thread-safe; many workers call it at once.
///
/// http and https only, TLS verified, no proxy, no netrc, no cookies, no credentials in URLs; at most `redirects` hops,
/// never from https to http; a public index can't lead to a private address; sizes counted while they stream; every
/// wait is bounded and ends within milliseconds of a stop request.

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "actors/download/budget.hpp"
#include "actors/download/error.hpp"

namespace lazaret::download {

struct fetch_options {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds total{300'000};  ///< of one get(), its retries and redirects included
  std::chrono::seconds low_speed_time{20};   ///< slower than low_speed for so long is a time-out
  std::uint32_t low_speed = 1024;            ///< bytes per second
  int redirects = 5;
  int retries = 2;                                    ///< after transport errors, time-outs, 429 and 5xx
  std::chrono::milliseconds first_backoff{300};       ///< doubles with each retry
  std::chrono::milliseconds longest_backoff{10'000};  ///< a Retry-After beyond it is cut to it
  std::vector<std::string> dns_resolvers;             ///< DNS_RESOLVERS; see resolver.hpp
  std::string
      trusted_host;  ///< host of PYPI_INDEX_URL: it alone may be at a private address, and then so may its files
  /// Not empty: it is trusted on that port only, and its files may not be at another private address.
  std::string trusted_port;
  std::string ca_file;  ///< PEM; empty: the system's
  std::string user_agent = "lazaret/" LAZARET_VERSION;
};

/// Where a body goes. Called on the thread of get().
class sink {
 public:
  virtual ~sink() = default;
  /// A (further) attempt begins: forget what was written. False (and local_error()) when that can't be done.
  [[nodiscard]] virtual bool restart() = 0;
  [[nodiscard]] virtual bool write(std::string_view bytes) = 0;
  /// Why restart or write failed, e.g. `No space left on device`.
  [[nodiscard]] virtual std::string local_error() const { return {}; }
};

class memory_sink final : public sink {
 public:
  [[nodiscard]] bool restart() override { return body.clear(), true; }
  [[nodiscard]] bool write(std::string_view bytes) override { return body.append(bytes), true; }
  std::string body;
};

struct fetch_request {
  std::string url;
  std::string accept = "*/*";
  std::uint64_t largest = UINT64_MAX;  ///< bytes of this body, after decoding
  download_budget* budget = nullptr;   ///< of the run; may be null in tests
  bool compressed = false;             ///< lets the server use gzip; for pages, never for files
};

struct fetched {
  std::string final_url;  ///< after redirects
  std::string content_type;
  std::uint64_t size = 0;  ///< bytes written into the sink by the attempt that succeeded
};

class fetcher {
 public:
  explicit fetcher(fetch_options options);
  ~fetcher();
  fetcher(const fetcher&) = delete;
  fetcher& operator=(const fetcher&) = delete;

  [[nodiscard]] result<fetched> get(const fetch_request& request, sink& into, std::stop_token stop);

 private:
  struct transfer;
  struct pool;
  [[nodiscard]] result<fetched> follow(transfer& t, const fetch_request& request, sink& into,
                                       const std::stop_token& stop);

  const fetch_options options_;
  std::unique_ptr<pool> pool_;
};

}  // namespace lazaret::download
