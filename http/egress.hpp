#pragma once
/// The nftables ruleset that confines the service itself, for deployments that want it (`lazaret egress-rules`); jails
/// need none, they have no route. Loopback, established connections, the resolvers (53), the registry's hosts and the
/// webhook's host are allowed, all else that leaves is dropped, for IPv4 and IPv6 alike. Pure but for the resolver; any
/// thread.
///
/// Host names become the addresses that they have now (nft(8) can't follow names): render again when they change.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/failure.hpp"

namespace lazaret::http {

struct egress_settings {
  std::vector<std::string>
      registry_urls;        ///< the index, and whatever else serves its files; with a port or its scheme's
  std::string webhook_url;  ///< may be empty
  std::vector<std::string> dns_resolvers;  ///< addresses (DNS_RESOLVERS)
  std::string resolv_conf;                 ///< text of the system's resolv.conf(5)
};

/// Every address of a host, IPv4 and IPv6, as text. Empty when there is none.
using resolver = std::function<std::vector<std::string>(const std::string& host)>;

/// A ruleset for `nft -f -` that replaces its own table and touches no other. Fails, rather than leave a host out, when
/// a URL can't be read, a host has no address, or a resolver is no address.
[[nodiscard]] sandbox::result<std::string> egress_rules(const egress_settings& settings, const resolver& resolve);

/// getaddrinfo(3). Blocks.
[[nodiscard]] std::vector<std::string> resolve_by_system(const std::string& host);

/// The `nameserver` lines of a resolv.conf(5), without scope ids.
[[nodiscard]] std::vector<std::string> nameservers(std::string_view resolv_conf);

}  // namespace lazaret::http
