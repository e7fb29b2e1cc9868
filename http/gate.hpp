#pragma once
/// Who may pass: decided from a request's head alone, before its body is read.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "http/config.hpp"
#include "http/message.hpp"
#include "http/router.hpp"

namespace lazaret::http {

/// Compares in a time that depends on the lengths only.
[[nodiscard]] bool same_secret(std::string_view given, std::string_view secret) noexcept;

/// `Authorization: Bearer <token>` (RFC 6750; the scheme in any case). True when no token is configured.
[[nodiscard]] bool holds_token(const request& r, std::string_view token) noexcept;

/// While there is no token, loopback is the only fence, and a browser on this machine stands inside it. So a page from
/// elsewhere is refused: by its Origin, and by a Host that is a name other than localhost (DNS rebinding).
[[nodiscard]] bool comes_from_elsewhere(const request& r) noexcept;

/// What is asked for, of whom something is asked. Views into the settings.
struct keyring {
  keyring(std::string_view api_token) : token{api_token} {}  // NOLINT: a token is a keyring
  keyring(const char* api_token) : token{api_token} {}       // NOLINT
  std::string_view token;                                    ///< API_TOKEN
  std::span<const std::string> api_keys;                     ///< CODE_RUNNER_API_KEYS
  std::string_view auth_token;                               ///< AUTH_TOKEN
  [[nodiscard]] bool has_keys() const noexcept { return !api_keys.empty() || !auth_token.empty(); }
};
[[nodiscard]] keyring keys_of(const config& settings) noexcept;

struct passed {
  const route* to = nullptr;
  std::string_view argument, second;
  std::string key = {};  ///< the name of the key that opened, never the key; empty: none was needed
};
struct turned_away {
  response why;                 ///< 404, 405 with Allow, 204 for OPTIONS, 401, 403
  const route* from = nullptr;  ///< where the request would have gone, had it been allowed
};
/// `r` has no body yet. `speaks`: on paths that the table doesn't have.
[[nodiscard]] std::variant<passed, turned_away> pass(std::span<const route> table, const request& r,
                                                     const keyring& keys, const manners& speaks = native_manners);

/// Sent by a program on this machine, by the machine's own address, with no proxy in between that says so.
[[nodiscard]] bool is_local(const request& r) noexcept;

}  // namespace lazaret::http
