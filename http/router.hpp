#pragma once
/// From method and path to a route, as a pure function over a table. No sockets, no allocation.

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "http/manners.hpp"
#include "http/message.hpp"

namespace lazaret::http {

struct site;

/// Answers at once from memory; runs on an I/O thread.
using immediate = response (*)(const site&, const request&);
/// May block for a query of the store or a file; runs on a reader thread.
struct reading {
  response (*answer)(const site&, const request&);
};
/// Asks the pipeline, which calls back. Copies what it needs of the request before it returns.
using asking = void (*)(const site&, const request&, respond);

/// Runs somebody's code: as `asking`, but the body may be large (site::settings.max_body_mb) and is looked at on a
/// reader thread then, the answer may take as long as a run, and `request::left` says when nobody waits for it any
/// more.
struct executing {
  asking answer;
};

/// Goes on as a WebSocket (stream/stream.hpp) when `admit` answers 101.
struct upgrading {
  asking admit;
};

enum class access : std::uint8_t {
  open,
  token,
  /// For clients that have no token to send: needed only by those on other machines, or behind a proxy.
  token_unless_local,
  /// On a listener of the front end's own: whoever reaches it. While there is no API_TOKEN, that is this machine.
  reach,
  /// The token, or a key of the front end's own (CODE_RUNNER_API_KEYS, AUTH_TOKEN).
  key,
  /// On a listener of the front end's own: the same once there is such a key, else whoever reaches it.
  key_or_reach,
};

struct route {
  std::string_view method;
  std::string_view pattern;  ///< at most two `{name}`, each matches one non-empty segment. Also the metrics label
  access needs = access::token;
  std::variant<immediate, reading, asking, executing, upgrading> handler;
  std::string_view summary;  ///< one line, shown by /openapi.json and by /
  const manners* speaks = &native_manners;
};

/// The API, every route of it.
[[nodiscard]] std::span<const route> api() noexcept;

/// Whom a listener stands for: the whole API, or one front end that owns every path.
struct front {
  std::string_view name;
  std::span<const route> table;
  const manners* speaks = &native_manners;  ///< on paths that the table doesn't have
};
/// Those that FRONTENDS may name. They live as long as the program.
[[nodiscard]] const front* find_front(std::string_view name) noexcept;

struct match {
  const route* found = nullptr;
  const route* beside = nullptr;  ///< one that has the path, with another method
  std::string_view argument;      ///< what stands for `{name}`
  std::string_view second;        ///< and for the second one
  std::string allow;              ///< the methods that the path has, when it exists but not with this method
};

/// HEAD finds what GET has. OPTIONS is never found but has `allow`.
[[nodiscard]] match find_route(std::span<const route> table, std::string_view method, std::string_view path);

/// Splits a request target (RFC 9112, section 3.2: origin form, absolute form or `*`) into path and query. The path is
/// empty when it is none of them.
struct target_parts {
  std::string_view path, query;
};
[[nodiscard]] target_parts split_target(std::string_view target) noexcept;

/// The label of /metrics for a request; `other` when no route was found.
[[nodiscard]] std::string_view label(const match& m) noexcept;

}  // namespace lazaret::http
