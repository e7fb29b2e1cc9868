#pragma once
/// Talks to a lazaretd over HTTP/1.1, a connection per request, blocking with time-outs. For one thread.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "sandbox/failure.hpp"

namespace lazaret::client {

struct address {
  std::string host;
  std::string port;
  std::string prefix;  ///< path before `/v1`, for a service behind a proxy; without a slash at its end
};
/// `http://HOST[:PORT][/PREFIX]`. https is refused with a hint: a TLS proxy's own tools reach such a service.
[[nodiscard]] sandbox::result<address> parse_server(std::string_view url);

struct reply {
  unsigned status = 0;
  std::string body;
};

struct event {
  std::uint64_t id = 0;
  std::string type;
  std::string data;
};

/// Server-sent events out of a stream that arrives in pieces. An event that grows past 4 MiB is forgotten.
class event_reader {
 public:
  using taker = std::function<void(const event&)>;
  void feed(std::string_view bytes, const taker& take);

 private:
  void line(std::string_view text, const taker& take);
  std::string rest_;
  event current_;
  bool has_data_ = false;
};

class connection {
 public:
  connection(address server, std::string token);

  /// The failure says that the service is away and where it was looked for. A status of any kind is a reply.
  [[nodiscard]] sandbox::result<reply> ask(std::string_view method, std::string_view target,
                                           std::string_view body = {});

  /// Follows an event stream from after `last`, until the server ends it. The reply's status is 200 then (or what
  /// refused it); `last` is the id of the last event taken, so that a lost stream can be followed on.
  [[nodiscard]] sandbox::result<reply> follow(std::string_view target, std::uint64_t& last,
                                              const event_reader::taker& take);

  [[nodiscard]] const address& server() const noexcept { return server_; }

 private:
  address server_;
  std::string token_;
};

}  // namespace lazaret::client
