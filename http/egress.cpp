#include "http/egress.hpp"

#include <arpa/inet.h>
#include <netdb.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <memory>
#include <set>
#include <sstream>

namespace lazaret::http {
namespace {

using sandbox::failure;

enum class family : std::uint8_t { none, v4, v6 };

/// Nothing reaches the ruleset that inet_pton(3) does not take.
family family_of(const std::string& address) {
  in6_addr space{};
  if (::inet_pton(AF_INET, address.c_str(), &space) == 1) return family::v4;
  return ::inet_pton(AF_INET6, address.c_str(), &space) == 1 ? family::v6 : family::none;
}

struct endpoints {
  std::set<std::string> v4, v6;  ///< elements: `address` or `address . port`

  void add(const std::string& address, const std::string& suffix) {
    (family_of(address) == family::v4 ? v4 : v6).insert(address + suffix);
  }
};

sandbox::result<endpoints> endpoints_of(const std::vector<std::string>& urls, const resolver& resolve) {
  endpoints out;
  for (const auto& text : urls) {
    const auto url = boost::urls::parse_uri(text);
    // The URL may hold a secret: only what is wrong with it is told.
    if (!url || url->host().empty())
      return failure{"egress_rules", 0, "a URL has no host", "settings of index and webhook"};
    if (url->scheme() != "https" && url->scheme() != "http")
      return failure{"egress_rules", 0, "a URL of " + url->host() + " is not http or https", {}};
    const auto port = url->port_number() != 0    ? std::to_string(url->port_number())
                      : url->scheme() == "https" ? "443"
                                                 : "80";
    const auto host = url->host_address();
    const auto addresses = family_of(host) != family::none ? std::vector{host} : resolve(host);
    if (addresses.empty()) return failure{"egress_rules", 0, "resolve " + host, "it has no address now"};
    for (const auto& address : addresses) {
      if (family_of(address) == family::none)
        return failure{"egress_rules", 0, "resolve " + host, "not an address: " + address};
      out.add(address, " . " + port);
    }
  }
  return out;
}

void put_set(std::ostream& out, std::string_view name, std::string_view type, const std::set<std::string>& elements) {
  out << "  set " << name << " {\n    type " << type << "\n";
  std::string_view separator = "    elements = { ";
  for (const auto& e : elements) out << std::exchange(separator, ", ") << e;
  out << (elements.empty() ? "  }\n" : " }\n  }\n");
}

}  // namespace

std::vector<std::string> nameservers(std::string_view resolv_conf) {
  std::vector<std::string> out;
  std::istringstream lines{std::string{resolv_conf}};
  for (std::string line, word, address; std::getline(lines, line);) {
    std::istringstream words{line};
    if (words >> word >> address && word == "nameserver") out.push_back(address.substr(0, address.find('%')));
  }
  return out;
}

sandbox::result<std::string> egress_rules(const egress_settings& settings, const resolver& resolve) {
  auto registry = endpoints_of(settings.registry_urls, resolve);
  if (!registry) return registry.error();
  auto webhook = endpoints_of(
      settings.webhook_url.empty() ? std::vector<std::string>{} : std::vector{settings.webhook_url}, resolve);
  if (!webhook) return webhook.error();
  endpoints resolvers;
  auto addresses = settings.dns_resolvers;
  for (auto& address : nameservers(settings.resolv_conf)) addresses.push_back(std::move(address));
  for (const auto& address : addresses) {
    if (family_of(address) == family::none) return failure{"egress_rules", 0, "resolver " + address, "not an address"};
    resolvers.add(address, "");
  }

  std::ostringstream out;
  // Declaring before deleting makes the deletion succeed the first time too; the whole file is one transaction.
  out << "table inet lazaret_egress\ndelete table inet lazaret_egress\ntable inet lazaret_egress {\n";
  put_set(out, "registry4", "ipv4_addr . inet_service", registry->v4);
  put_set(out, "registry6", "ipv6_addr . inet_service", registry->v6);
  put_set(out, "webhook4", "ipv4_addr . inet_service", webhook->v4);
  put_set(out, "webhook6", "ipv6_addr . inet_service", webhook->v6);
  put_set(out, "resolvers4", "ipv4_addr", resolvers.v4);
  put_set(out, "resolvers6", "ipv6_addr", resolvers.v6);
  out << R"(  chain output {
    type filter hook output priority filter; policy drop;
    oifname "lo" accept
    ct state established,related accept
    # IPv6 finds its neighbours by ICMP; without this no IPv6 connection can start (RFC 4890, 4.4.1).
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
    ip daddr @resolvers4 meta l4proto { tcp, udp } th dport 53 accept
    ip6 daddr @resolvers6 meta l4proto { tcp, udp } th dport 53 accept
    ip daddr . tcp dport @registry4 accept
    ip6 daddr . tcp dport @registry6 accept
    ip daddr . tcp dport @webhook4 accept
    ip6 daddr . tcp dport @webhook6 accept
    counter drop
  }
}
)";
  return {boost::system::in_place_value, out.str()};
}

std::vector<std::string> resolve_by_system(const std::string& host) {
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
  std::set<std::string> out;
  for (const auto* a = found; a != nullptr; a = a->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      out.insert(std::string{text}.substr(0, std::string_view{text}.find('%')));
  }
  return {out.begin(), out.end()};
}

}  // namespace lazaret::http
