#include "http/gate.hpp"

#include <algorithm>

#include "http/config.hpp"

namespace lazaret::http {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// `name:port`, `1.2.3.4:port`, `[::1]:port` without the port and the brackets.
std::string_view host_of(std::string_view authority) {
  if (!authority.empty() && authority.front() == '[') return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool is_literal(std::string_view host) {
  return host.find(':') != host.npos ||
         std::all_of(host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

bool same_secret(std::string_view given, std::string_view secret) noexcept {
  // Reads all of `given` whatever it holds; volatile keeps the compiler from leaving the loop early.
  volatile unsigned char differs = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    differs = differs | static_cast<unsigned char>(given[i] ^ (secret.empty() ? 0 : secret[i % secret.size()]));
  }
  return differs == 0;
}

bool holds_token(const request& r, std::string_view token) noexcept {
  constexpr std::string_view scheme = "bearer ";
  if (token.empty()) return true;
  if (!same_word(r.authorization.substr(0, scheme.size()), scheme)) return false;
  auto given = r.authorization.substr(scheme.size());
  given.remove_prefix(std::min(given.find_first_not_of(' '), given.size()));
  return same_secret(given, token);
}

bool comes_from_elsewhere(const request& r) noexcept {
  auto host = host_of(r.host);
  auto is_localhost =
      same_word(host, "localhost") || (host.size() > 10 && same_word(host.substr(host.size() - 10), ".localhost"));
  if (!host.empty() && !is_literal(host) && !is_localhost) return true;
  if (r.origin.empty()) return false;
  auto mark = r.origin.find("://");
  return mark == r.origin.npos || !same_word(r.origin.substr(mark + 3), r.host);
}

std::variant<passed, turned_away> pass(std::span<const route> table, const request& r, std::string_view token) {
  auto m = find_route(table, r.method, r.path);
  if (m.found == nullptr) {
    if (r.method == "OPTIONS" && (r.path == "*" || !m.allow.empty())) {
      response options{.status = 204};
      options.headers.emplace_back("Allow", r.path == "*" ? "GET, HEAD, POST, PATCH, DELETE, OPTIONS" : m.allow);
      return turned_away{std::move(options)};
    }
    if (m.allow.empty()) return turned_away{failed(404, "no such resource")};
    auto refused = failed(405, "this resource has no such method");
    refused.headers.emplace_back("Allow", m.allow);
    return turned_away{std::move(refused)};
  }
  if (m.found->needs == access::token) {
    if (!holds_token(r, token)) {
      auto refused = failed(401, "invalid or missing token");
      refused.headers.emplace_back("WWW-Authenticate", "Bearer");
      return turned_away{std::move(refused), m.found};
    }
    if (token.empty() && comes_from_elsewhere(r)) {
      return turned_away{failed(403, "without API_TOKEN only this machine is served, by its own address"), m.found};
    }
  }
  return passed{m.found, m.argument};
}

}  // namespace lazaret::http
