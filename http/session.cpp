#include "http/session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "http/exchange.hpp"
#include "http/gate.hpp"
#include "http/into.hpp"
#include "http/large_body.hpp"
#include "http/stream/messages.hpp"
#include "http/stream/stream.hpp"

namespace lazaret::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::error_code;
using beast::http::field;

/// A body of at most so much is read and forgotten to keep the connection of a refused client.
constexpr std::size_t refused_body_bytes = 16 * 1024;

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

/// What Beast's parser objects to, in the terms of HTTP.
response malformed(const error_code& ec, const manners& speaks) {
  if (ec == beast::http::error::header_limit) return speaks.fail(431, "the request's head is too large");
  if (ec == beast::http::error::body_limit) return speaks.fail(413, "the request's body is too large");
  if (ec == no_room) {
    auto refused = speaks.fail(503, "too many large requests at once");
    refused.headers.emplace_back("Retry-After", "2");
    return refused;
  }
  return speaks.fail(400, "malformed request: " + ec.message());
}

std::string_view method_label(std::string_view method) {
  constexpr std::array<std::string_view, 7> known{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  auto found = std::find(known.begin(), known.end(), method);
  return found == known.end() ? "other" : *found;
}

bool is_persistent(const beast::http::request<beast::http::string_body>& head) {
  return head.version() == 11 && head.keep_alive();
}

}  // namespace

session::session(hub& h, const front& stands_for, socket s, std::string client)
    : hub_{h},
      front_{stands_for},
      socket_{std::move(s)},
      watchdog_{socket_.get_executor()},
      wake_{socket_.get_executor()},
      client_{std::move(client)} {}

session::~session() {
  std::scoped_lock lock{hub_.mutex};
  hub_.sessions.erase(this);
}

void session::start() {
  auto self = shared_from_this();
  {
    std::scoped_lock lock{hub_.mutex};
    hub_.sessions.emplace(this, self);
  }
  allow(hub_.lim.idle_time);
  asio::co_spawn(
      socket_.get_executor(), [self] { return self->serve(); }, asio::detached);
  asio::co_spawn(
      socket_.get_executor(), [self] { return self->watch(); }, asio::detached);
}

void session::drain() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->idle_) self->close();
    self->wake_.cancel();
  });
}

void session::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  watchdog_.cancel();
  wake_.cancel();
}

auto session::watch() -> task<> {
  // Moving a timer at every step of every request would cost more than looking at the clock now and then.
  const auto shortest = std::min({hub_.lim.header_time, hub_.lim.body_time, hub_.lim.idle_time, hub_.lim.write_time});
  const auto tick = std::min(shortest / 2, std::chrono::milliseconds{1000});
  error_code ec;
  while (!closed_) {
    watchdog_.expires_after(tick);
    co_await watchdog_.async_wait(into(ec));
    if (clock::now() >= deadline_) close();
  }
}

auto session::serve() -> task<> {
  try {
    while (co_await serve_one()) {
    }
  } catch (const std::exception& e) {
    spdlog::error("a connection failed: {}", e.what());
  }
  close();
}

auto session::serve_one() -> task<bool> {
  parser reader;
  reader.header_limit(static_cast<std::uint32_t>(hub_.lim.header_bytes));
  // What the route really takes is known once the head was read.
  reader.body_limit(static_cast<std::uint64_t>(hub_.shared.settings.max_body_mb) << 20);
  auto ec = co_await read_head(reader);
  if (ec == beast::http::error::end_of_stream) co_return false;

  turn t;
  const auto began = clock::now();
  co_await take(reader, ec, t);
  if (t.client_left) co_return false;
  if (t.given.status == 101) co_return co_await converse(t, clock::now() - began);
  t.keep_alive = t.keep_alive && !hub_.draining;
  const bool taken = co_await send(t);
  const auto took = clock::now() - began;
  hub_.shared.metrics.http_request(t.label, t.method, static_cast<int>(t.given.status), took);
  if (spdlog::should_log(spdlog::level::debug)) {
    spdlog::debug("{} {} {} {} {:.1f} ms", client_, t.method, t.label, t.given.status,
                  std::chrono::duration<double, std::milli>{took}.count());
  }
  if (taken && !t.keep_alive && t.lingers) co_await linger();
  co_return taken&& t.keep_alive;
}

auto session::converse(turn& t, clock::duration took) -> task<bool> {
  hub_.shared.metrics.http_request(t.label, t.method, 101, took);
  const auto admitted = std::exchange(admitted_, nullptr);
  // Frames that come before the answer to the handshake would be lost in our buffer; no client may send any.
  if (buffer_.size() > 0) co_return false;
  deadline_ = clock::time_point::max();  // the conversation has clocks of its own
  const bool agreed = stream::offers_protocol(admitted->asked.upgrade.protocols);
  const auto talk =
      std::make_shared<stream::conversation>(hub_, socket_, shared_from_this(), claimant_of(admitted->asked));
  co_await talk->serve(admitted->message, agreed ? stream::protocol_name : std::string_view{});
  co_return false;
}

auto session::take(parser& reader, error_code ec, turn& t) -> task<> {
  const auto& head = reader.get();
  bool too_long = ec == beast::http::error::body_limit;
  t.method = method_label(view(head.method_string()));
  t.lingers = true;
  if (ec && !too_long) {
    t.given = malformed(ec, *front_.speaks);
    co_return;
  }
  if (head.version() == 11 && head.count(field::host) != 1) {
    t.given = front_.speaks->fail(400, "malformed request: exactly one Host is needed");
    co_return;
  }
  auto asked = describe(head, client_);
  std::string offered;  // where a browser's page can put a token
  if (asked.upgrade.asked && asked.authorization.empty()) {
    offered = stream::offered_token(asked.upgrade.protocols);
    if (!offered.empty()) asked.authorization = offered.insert(0, "Bearer ");
  }
  auto gate = pass(front_.table, asked, keys_of(hub_.shared.settings), *front_.speaks);
  if (auto away = std::get_if<turned_away>(&gate)) {
    t.given = std::move(away->why);
    if (away->from != nullptr) t.label = away->from->pattern;
    if (t.given.status == 401 && t.label == "/v1/triage") hub_.shared.metrics.submission("triage", "unauthorized");
    // What is refused unread would be taken for the next request, so the connection ends with it unless it is small.
    // (One that is too long for the parser has no length to ask for.)
    const auto length = too_long ? boost::none : reader.content_length();
    too_long = too_long || (length && *length > hub_.lim.body_bytes);
    if (too_long || !is_persistent(head)) co_return;
    if (!reader.is_done()) {
      if (!length || *length > refused_body_bytes || head.count(field::expect) != 0) co_return;
      ec = co_await read_body(reader);
      t.client_left = ec == beast::http::error::end_of_stream;
      if (ec) co_return;
    }
    t.keep_alive = true;
    co_return;
  }
  const auto& [route, argument, second, key] = std::get<passed>(gate);
  asked.key = key;
  t.label = route->pattern;
  large_body room{hub_};
  const bool runs_code = std::holds_alternative<executing>(route->handler);
  if (!runs_code) {
    const auto length = too_long ? boost::none : reader.content_length();
    too_long = too_long || (length && *length > hub_.lim.body_bytes);
    if (!too_long) reader.body_limit(hub_.lim.body_bytes);
  }
  if (too_long) {
    ec = beast::http::error::body_limit;
    t.given = malformed(ec, *route->speaks);
    co_return;
  }
  if (!reader.is_done() && beast::iequals(head[field::expect], "100-continue")) {
    t.client_left = !co_await write("HTTP/1.1 100 Continue\r\n\r\n");
    if (t.client_left) co_return;
  }
  ec = co_await read_body(reader, runs_code ? &room : nullptr);
  t.client_left = ec == beast::http::error::end_of_stream;
  if (t.client_left) co_return;
  if (ec) {
    t.given = malformed(ec, *route->speaks);
    co_return;
  }
  t.lingers = false;
  t.keep_alive = is_persistent(head);
  co_await answer(*route, asked, {argument, second}, reader, t.given);
}

}  // namespace lazaret::http
