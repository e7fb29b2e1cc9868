#pragma once
/// A request and its response as the routes see them: plain values, no sockets, no Beast.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lazaret::http {

/// A wish to go on as a WebSocket (RFC 6455, section 4.2.1), as sent.
struct upgrade_offer {
  bool asked = false;
  std::string_view key = {}, version = {}, protocols = {};  ///< Sec-WebSocket-*
};

/// Views into what the session read; valid until the response was given.
struct request {
  std::string_view method = {};           ///< as sent, `GET`
  std::string_view path = {};             ///< percent-encoded as sent, without the query
  std::string_view query = {};            ///< percent-encoded as sent, without `?`
  std::string_view host = {};             ///< Host
  std::string_view origin = {};           ///< Origin
  std::string_view authorization = {};    ///< Authorization
  std::string_view api_key = {};          ///< X-API-Key
  std::string_view content_type = {};     ///< Content-Type
  std::string_view last_event_id = {};    ///< Last-Event-ID
  std::string_view range = {};            ///< Range
  std::string_view if_range = {};         ///< If-Range
  std::string_view prefer = {};           ///< Prefer
  std::string_view idempotency_key = {};  ///< Idempotency-Key, the first
  std::size_t idempotency_keys = 0;       ///< how often that header came
  std::string_view body = {};
  std::string_view client = {};    ///< the socket's peer address; no header can change it
  std::string_view key = {};       ///< the name of the key that opened, never the key; empty: none was needed
  std::string_view argument = {};  ///< what matched `{}` in the route's pattern
  upgrade_offer upgrade = {};
  std::string_view second = {};  ///< the same, of a second one
  bool proxied = false;          ///< some proxy says that it stands between the client and the socket's peer
  std::stop_token left = {};     ///< of an `executing` handler: the client went away, nobody waits for the answer
};

/// A body that goes on while the connection lasts (server-sent events). Used by one session; next() may block for a
/// query and is called off the I/O threads.
class live_body {
 public:
  struct piece {
    std::string bytes;   ///< at most about 1 MiB
    bool ended = false;  ///< nothing follows
    bool more = false;   ///< call again at once, do not wait for a poke
  };
  virtual ~live_body() = default;
  /// `poke` is called on any thread when next() may have something. Called once, before the first next().
  virtual void start(std::function<void()> poke) = 0;
  virtual piece next() = 0;
};

struct file_piece {
  std::uint64_t offset = 0, size = 0;
};

struct response {
  unsigned status = 200;
  std::string_view content_type = "application/json";  ///< a literal
  std::string body = {};
  /// Further headers; names and values are ours, never a client's.
  std::vector<std::pair<std::string_view, std::string>> headers = {};
  std::optional<std::filesystem::path> file = {};  ///< sent after `body`
  std::optional<file_piece> piece = {};            ///< of `file`; nothing: all of it
  std::shared_ptr<live_body> live = {};            ///< sent after `body`, until it ends; closes the connection
};

/// Gives the one response to a request; callable on any thread, later calls are ignored.
using respond = std::function<void(response)>;

/// `{"detail": ...}`; bytes that are not UTF-8 are replaced.
[[nodiscard]] response failed(unsigned status, std::string_view detail);

/// The standard reason phrase (RFC 9110), `Unknown` for a code that Lazaret does not use.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

/// Status line and headers, ending in the empty line. `length`: of the body; nothing when it ends with the connection.
void write_head(std::string& out, const response& r, std::optional<std::uint64_t> length, bool keep_alive);

}  // namespace lazaret::http
