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

bool is_local(const request& r) noexcept { return is_loopback(r.client) && !r.proxied && !comes_from_elsewhere(r); }

namespace {

turned_away wrong_method(const match& m, const request& r) {
  const manners& speaks = *m.beside->speaks;
  if (r.method != "OPTIONS") {
    auto refused = speaks.fail(405, "this resource has no such method");
    refused.headers.emplace_back("Allow", m.allow);
    return turned_away{std::move(refused)};
  }
  response options{.status = speaks.options_status};
  constexpr std::string_view own = ", OPTIONS";
  options.headers.emplace_back("Allow",
                               speaks.allow_names_options ? m.allow : m.allow.substr(0, m.allow.size() - own.size()));
  return turned_away{std::move(options)};
}

bool is_for_keys(const route& to) { return to.needs == access::key || to.needs == access::key_or_reach; }

bool may_do_without_token(const route& to, const request& r, const keyring& keys) {
  switch (to.needs) {
    case access::token:
      return keys.token.empty();
    case access::key:
      return keys.token.empty() && !keys.has_keys();
    case access::key_or_reach:
      return !keys.has_keys();
    case access::token_unless_local:
      return keys.token.empty() || is_local(r);
    case access::open:
    case access::reach:
      break;
  }
  return true;
}

bool holds_bearer(const request& r, std::string_view secret) { return !secret.empty() && holds_token(r, secret); }

/// Looks at every key, whichever fits.
bool holds_key(const request& r, const keyring& keys) {
  bool fits = holds_bearer(r, keys.auth_token);
  for (const auto& key : keys.api_keys) fits |= same_secret(r.api_key, key);
  return fits;
}

/// Which of them the request came with, whether or not the route asks for one: whose share it takes.
std::string name_of_key(const request& r, const keyring& keys) {
  for (std::size_t n = 0; n < keys.api_keys.size(); ++n)
    if (same_secret(r.api_key, keys.api_keys[n])) return "CODE_RUNNER_API_KEYS " + std::to_string(n);
  if (holds_bearer(r, keys.auth_token)) return "AUTH_TOKEN";
  return holds_bearer(r, keys.token) ? "API_TOKEN" : "";
}

/// compat/quartermaster.md has these texts.
turned_away without_key(const match& m, const request& r) {
  const auto& fail = m.found->speaks->fail;
  if (!r.api_key.empty()) return {fail(403, "Invalid API Key"), m.found};
  return {fail(401, "Not authenticated. Provide X-API-Key header or Authorization Bearer token."), m.found};
}

}  // namespace

keyring keys_of(const config& settings) noexcept {
  keyring keys{settings.api_token};
  keys.api_keys = settings.code_runner_api_keys;
  keys.auth_token = settings.auth_token;
  return keys;
}

std::variant<passed, turned_away> pass(std::span<const route> table, const request& r, const keyring& keys,
                                       const manners& speaks) {
  auto m = find_route(table, r.method, r.path);
  if (m.found == nullptr) {
    if (m.beside != nullptr) return wrong_method(m, r);
    if (r.method != "OPTIONS" || r.path != "*") return turned_away{speaks.fail(404, "no such resource")};
    response options{.status = 204};
    options.headers.emplace_back("Allow", "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
    return turned_away{std::move(options)};
  }
  const auto& fail = m.found->speaks->fail;
  const bool has_key = is_for_keys(*m.found) && holds_key(r, keys);
  if (!has_key && !may_do_without_token(*m.found, r, keys) && !holds_bearer(r, keys.token)) {
    if (is_for_keys(*m.found)) return without_key(m, r);
    auto refused = fail(401, "invalid or missing token");
    refused.headers.emplace_back("WWW-Authenticate", "Bearer");
    return turned_away{std::move(refused), m.found};
  }
  if (m.found->needs != access::open && !has_key && keys.token.empty() && comes_from_elsewhere(r)) {
    return turned_away{fail(403, "without API_TOKEN only this machine is served, by its own address"), m.found};
  }
  return passed{m.found, m.argument, m.second, m.found->needs == access::open ? std::string{} : name_of_key(r, keys)};
}

}  // namespace lazaret::http
