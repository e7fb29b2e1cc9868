#include "actors/analysis/glob.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>

namespace lazaret::analysis {
namespace {

constexpr char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_loopback(std::string_view object) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (object.starts_with(scheme))
      object = object.substr(scheme.size(), object.find('/', scheme.size()) - scheme.size());
  }
  std::string host{object};
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else if (const auto colon = host.find(':'); colon != host.npos && host.find(':', colon + 1) == host.npos) {
    host.resize(colon);
  }
  if (host == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127 || v4.s_addr == INADDR_ANY;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6));
}

}  // namespace

bool fits(std::string_view pattern, std::string_view text) noexcept {
  // Greedy with one point of return: after a later `*` no earlier one needs to be tried again.
  std::size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || folded(pattern[p]) == folded(text[t]))) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1, t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool fits_any(patterns any_of, std::string_view text) {
  for (const auto p : any_of)
    if (p == loopback ? is_loopback(text) : fits(p, text)) return true;
  return false;
}

}  // namespace lazaret::analysis
