#pragma once
/// Names to addresses through the resolvers of DNS_RESOLVERS. Thread-safe; remembers an answer for up to a minute.
///
/// Debian's libcurl has no c-ares, so CURLOPT_DNS_SERVERS is not there: the questions are built and parsed by glibc's
/// libresolv (resolver(3), ns_initparse) and sent here, by UDP and, when the answer was cut, by TCP (RFC 1035, 4.2).

#include <chrono>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace lazaret::download {

struct resolver_options {
  std::vector<std::string>
      servers;  ///< literal IPv4 or IPv6 addresses, `:port` or `[v6]:port` allowed; at most 8 are used
  std::chrono::milliseconds patience{1500};  ///< for each question to each server
};

class resolver {
 public:
  explicit resolver(resolver_options options);

  /// Literal addresses of `host`, IPv4 first. Empty: leave it to the system's resolver, because `host` is a literal
  /// address, `localhost` or a name without a dot (which only this machine or its container network knows), or because
  /// none of the configured servers gave an address.
  [[nodiscard]] std::vector<std::string> addresses_of(const std::string& host, std::stop_token stop);

 private:
  struct remembered {
    std::vector<std::string> addresses;
    std::chrono::steady_clock::time_point until;
  };
  resolver_options options_;
  std::mutex mutex_;
  std::map<std::string, remembered, std::less<>> known_;
};

/// Loopback, private, link-local (169.254.169.254 is the clouds' metadata service), multicast, unspecified and the
/// other ranges that are no host on the internet (IANA special-purpose registries); IPv4 inside IPv6 is looked through.
[[nodiscard]] bool is_private_address(std::string_view literal) noexcept;

}  // namespace lazaret::download
