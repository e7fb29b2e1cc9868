#include "http/session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

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

/// The memory for large bodies is used up.
const error_code no_room = make_error_code(boost::system::errc::not_enough_memory);

/// A body of at most so much is parsed on the I/O thread that read it.
constexpr std::size_t small_body_bytes = 64 * 1024;

/// A body of at most so much is read and forgotten to keep the connection of a refused client.
constexpr std::size_t refused_body_bytes = 16 * 1024;

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

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
  r.proxied = message.count(field::via) + message.count("Forwarded") + message.count("X-Forwarded-For") +
                  message.count("X-Real-IP") >
              0;
  r.upgrade = {boost::beast::websocket::is_upgrade(message), view(message[field::sec_websocket_key]),
               view(message[field::sec_websocket_version]), view(message[field::sec_websocket_protocol])};
  r.body = message.body();
  r.client = client;
  return r;
}

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

response guarded(auto&& handler) {
  try {
    return handler();
  } catch (const std::exception& e) {
    spdlog::error("a handler failed: {}", e.what());
    return failed(500, "internal error");
  }
}

}  // namespace

/// A request whose answer comes from another thread. Whoever answers keeps it; the first answer wins.
struct session::exchange {
  beast::http::request<beast::http::string_body> message;
  request asked;
  std::string key;  ///< request::key looks at it
  std::weak_ptr<session> from;
  std::mutex mutex;  ///< guards the two below
  std::optional<response> answer;
  bool answered = false;
  std::stop_source left;
  std::optional<std::stop_callback<std::function<void()>>> ending;  ///< passes the server's end on

  void give(response r) {
    {
      std::scoped_lock lock{mutex};
      if (answered) return;
      answered = true;
      answer = std::move(r);
    }
    if (auto self = from.lock()) asio::post(self->socket_.get_executor(), [self] { self->wake_.cancel(); });
  }
  response take() {
    std::scoped_lock lock{mutex};
    return std::move(*answer);
  }
  bool is_answered() {
    std::scoped_lock lock{mutex};
    return answered;
  }
};

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

auto session::answer(const route& to, request asked, std::array<std::string_view, 2> arguments, parser& p,
                     response& given) -> task<> {
  asked.body = p.get().body();
  asked.argument = arguments[0];
  asked.second = arguments[1];
  if (auto at_once = std::get_if<immediate>(&to.handler)) {
    given = guarded([&] { return (*at_once)(hub_.shared, asked); });
    co_return;
  }
  // The request has to outlive this frame: another thread may be reading it when the client has long gone.
  auto x = std::make_shared<exchange>();
  const auto old_path = asked.path;
  const auto offset = [&](std::string_view part) { return static_cast<std::size_t>(part.data() - old_path.data()); };
  const std::array offsets{arguments[0].empty() ? 0 : offset(arguments[0]),
                           arguments[1].empty() ? 0 : offset(arguments[1])};
  x->message = p.release();
  x->asked = describe(x->message, client_);
  x->key = asked.key;
  x->asked.key = x->key;
  x->asked.argument = x->asked.path.substr(offsets[0], arguments[0].size());
  x->asked.second = x->asked.path.substr(offsets[1], arguments[1].size());
  x->from = weak_from_this();
  const auto ask = [x, &shared = hub_.shared](asking handler, std::shared_ptr<owed_answer> debt) {
    auto failure = guarded([&] {
      handler(shared, x->asked, [x, debt](response r) { x->give(std::move(r)); });
      return response{.status = 0};
    });
    if (failure.status != 0) x->give(std::move(failure));
  };
  if (auto blocking = std::get_if<reading>(&to.handler)) {
    asio::post(hub_.readers, [x, &shared = hub_.shared, handler = blocking->answer] {
      x->give(guarded([&] { return handler(shared, x->asked); }));
    });
    co_await wait_for(*x, hub_.lim.answer_time);
  } else if (!std::holds_alternative<executing>(to.handler)) {
    const auto* opens = std::get_if<upgrading>(&to.handler);
    // The pipeline may keep this past the end of the connection; ~server waits for it.
    ask(opens != nullptr ? opens->admit : std::get<asking>(to.handler), std::make_shared<owed_answer>(hub_));
    co_await wait_for(*x, hub_.lim.answer_time);
    if (opens != nullptr) admitted_ = x;
  } else {
    x->asked.left = x->left.get_token();
    x->ending.emplace(hub_.ending.get_token(), [weak = std::weak_ptr{x}] {
      if (const auto there = weak.lock()) there->left.request_stop();
    });
    auto debt = std::make_shared<owed_answer>(hub_);
    const auto handler = std::get<executing>(to.handler).answer;
    if (x->asked.body.size() <= small_body_bytes)
      ask(handler, std::move(debt));
    else
      asio::post(hub_.readers, [ask, handler, debt = std::move(debt)] { ask(handler, debt); });
    noticing_ = true;
    asio::co_spawn(
        socket_.get_executor(), [self = shared_from_this(), x] { return self->notice_leaving(x); }, asio::detached);
    co_await wait_for(*x, hub_.lim.run_time);
    co_await stop_noticing();
    if (closed_) x->left.request_stop();
  }
  given = x->take();
}

auto session::wait_for(exchange& x, std::chrono::milliseconds most) -> task<> {
  const auto until = clock::now() + most;
  allow(most + hub_.lim.write_time);
  error_code ec;
  while (!closed_ && !x.is_answered() && clock::now() < until) {
    wake_.expires_at(until);
    co_await wake_.async_wait(into(ec));
  }
  if (!x.is_answered()) {
    x.left.request_stop();
    x.give(failed(503, "the service did not answer in time"));
  }
}

auto session::notice_leaving(std::shared_ptr<exchange> x) -> task<> {
  constexpr std::size_t most_ahead = 64 * 1024;
  error_code ec;
  while (!ec && buffer_.size() < most_ahead) {
    const auto n = co_await socket_.async_read_some(buffer_.prepare(4096), into(ec));
    if (!ec) buffer_.commit(n);
  }
  // An end of what the client sends is taken for its leaving, as other servers take it: the two can't be told apart.
  if (ec && ec != asio::error::operation_aborted) {
    x->left.request_stop();
    x->give(failed(503, "the client went away"));
    close();
  }
  noticing_ = false;
  wake_.cancel();
}

auto session::stop_noticing() -> task<> {
  error_code ec;
  if (!closed_) socket_.cancel(ec);
  while (noticing_) {
    wake_.expires_after(std::chrono::seconds{1});
    co_await wake_.async_wait(into(ec));
  }
}

}  // namespace lazaret::http
