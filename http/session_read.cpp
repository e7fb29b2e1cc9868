// The third of a session that reads: head and body of a request, as much and as slowly as the limits allow.
#include <boost/beast/websocket/rfc6455.hpp>

#include "http/exchange.hpp"
#include "http/into.hpp"
#include "http/large_body.hpp"
#include "http/router.hpp"

namespace lazaret::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast::http::field;

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

}  // namespace

request describe(const beast::http::request<beast::http::string_body>& message, std::string_view client) {
  request r;
  auto [path, query] = split_target(view(message.target()));
  r.method = view(message.method_string());
  r.path = path;
  r.query = query;
  r.host = view(message[field::host]);
  r.origin = view(message[field::origin]);
  r.authorization = view(message[field::authorization]);
  r.api_key = view(message["X-API-Key"]);
  r.content_type = view(message[field::content_type]);
  r.last_event_id = view(message["Last-Event-ID"]);
  r.range = view(message[field::range]);
  r.if_range = view(message[field::if_range]);
  r.prefer = view(message[field::prefer]);
  r.idempotency_key = view(message["Idempotency-Key"]);
  r.idempotency_keys = message.count("Idempotency-Key");
  r.proxied = message.count(field::via) + message.count("Forwarded") + message.count("X-Forwarded-For") +
                  message.count("X-Real-IP") >
              0;
  r.upgrade = {boost::beast::websocket::is_upgrade(message), view(message[field::sec_websocket_key]),
               view(message[field::sec_websocket_version]), view(message[field::sec_websocket_protocol])};
  r.body = message.body();
  r.client = client;
  return r;
}

auto session::read_more(std::size_t most) -> task<error_code> {
  error_code ec;
  auto n = co_await socket_.async_read_some(buffer_.prepare(most), into(ec));
  buffer_.commit(n);
  if (ec) ec = beast::http::error::end_of_stream;  // gone is gone, whatever the way
  co_return ec;
}

auto session::read_head(parser& p) -> task<error_code> {
  error_code ec;
  std::size_t head_bytes = 0;
  bool begun = buffer_.size() > 0;
  allow(begun ? hub_.lim.header_time : hub_.lim.idle_time);
  for (;;) {
    if (buffer_.size() > 0) {
      auto n = p.put(buffer_.data(), ec);
      buffer_.consume(n);
      // Beast minds its limit for each call, and a head of many short lines comes in many calls.
      head_bytes += n;
      if (head_bytes > hub_.lim.header_bytes) co_return beast::http::error::header_limit;
      if (ec != beast::http::error::need_more) co_return ec;
      if (p.is_header_done()) co_return error_code{};
    }
    idle_ = !begun;
    if (idle_ && hub_.draining) co_return beast::http::error::end_of_stream;
    ec = co_await read_more(8 * 1024);
    idle_ = false;
    if (ec) co_return ec;
    if (!begun) allow(hub_.lim.header_time);
    begun = true;
  }
}

auto session::read_body(parser& p, large_body* room) -> task<error_code> {
  error_code ec;
  p.eager(true);
  allow(hub_.lim.body_time);
  std::size_t covered = hub_.lim.body_bytes;
  while (!p.is_done()) {
    if (buffer_.size() > 0) {
      auto n = p.put(buffer_.data(), ec);
      buffer_.consume(n);
      if (ec && ec != beast::http::error::need_more) co_return ec;
      if (p.is_done()) break;
      const auto size = p.get().body().size();
      if (room != nullptr && !room->cover(size)) co_return no_room;
      if (size > covered) {  // each further mebibyte has the time that the first had
        covered += hub_.lim.body_bytes;
        allow(hub_.lim.body_time);
      }
      if (n > 0) continue;
    }
    ec = co_await read_more(covered > hub_.lim.body_bytes ? 256 * 1024 : 16 * 1024);
    if (ec) co_return ec;
  }
  co_return error_code{};
}

}  // namespace lazaret::http
