#include "http/stream/stream.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "http/execute/answer.hpp"
#include "http/into.hpp"
#include "http/refusal.hpp"
#include "http/stream/messages.hpp"

namespace lazaret::http::stream {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using websocket::close_code;

/// Of a frame.
constexpr std::size_t piece_bytes = 64 << 10;
/// Files of so much are rendered on a reader thread.
constexpr std::size_t large_answer = 256 << 10;
/// Of the kernel's memory; what is in there when a client stops reading counts as sent.
constexpr int send_buffer = 128 << 10;
/// A write that took so long had to wait for the client: it is alive.
constexpr std::chrono::milliseconds noticeable{50};
constexpr std::chrono::milliseconds goodbye_time{5'000};
constexpr std::chrono::milliseconds tick{250};

/// While nothing is read from a connection its end is seen only by asking.
bool hung_up(int socket) {
  pollfd one{socket, POLLRDHUP, 0};
  return ::poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLERR | POLLHUP)) != 0;
}

}  // namespace

conversation::conversation(hub& h, session::socket& socket, std::shared_ptr<void> owner, actors::claimant who)
    : hub_{h},
      socket_{socket},
      web_{socket},
      owner_{std::move(owner)},
      who_{std::move(who)},
      tick_{socket.get_executor()},
      wake_{socket.get_executor()},
      room_{socket.get_executor()},
      request_bytes_{h} {}

/// What a coroutine beside serve() ends in.
auto conversation::when_over() {
  ++running_;
  return [self = shared_from_this()](const std::exception_ptr& failed) {
    if (failed) {
      spdlog::error("a conversation failed");
      self->drop();
    }
    --self->running_;
    self->wake();
  };
}

auto conversation::serve(const handshake& asked, std::string_view protocol) -> task<> {
  auto talk = sandbox::conversation::make();
  if (!talk) co_return;
  talk_ = std::move(*talk);
  const auto poke = [weak = weak_from_this(), to = socket_.get_executor()] {
    asio::post(to, [weak] {
      if (const auto self = weak.lock()) self->wake();
    });
  };
  talk_->when_taken = poke;
  unsent_ = std::make_shared<outbox>(talk_, poke);
  tune();
  web_.set_option(websocket::stream_base::decorator([protocol = std::string{protocol}](websocket::response_type& r) {
    r.set(beast::http::field::server, "lazaret");
    if (!protocol.empty()) r.set(beast::http::field::sec_websocket_protocol, protocol);
  }));
  heard_ = pinged_ = clock::now();
  must_start_by_ = heard_ + hub_.lim.header_time;
  error_code ec;
  co_await web_.async_accept(asked, into(ec));
  if (ec) co_return;
  asio::co_spawn(
      socket_.get_executor(), [self = shared_from_this()] { return self->read(); }, when_over());
  asio::co_spawn(
      socket_.get_executor(), [self = shared_from_this()] { return self->watch(); }, when_over());
  co_await write();
  co_await say_goodbye();
  drop();
  while (running_ > 0) co_await pause(wake_, std::chrono::seconds{1});
}

void conversation::tune() {
  error_code ignored;
  socket_.set_option(asio::socket_base::send_buffer_size{send_buffer}, ignored);
  // A peer whose machine is gone acknowledges nothing. One that is slow does, but for the kernel the time with no room
  // in its window counts too (tcp_probe_timer() in net/ipv4): as long as a write may take, then.
  const auto silence = static_cast<unsigned>(
      std::max<std::int64_t>(2000 * hub_.shared.settings.stream_ping_sec, hub_.lim.write_time.count()));
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof silence);
  web_.set_option(
      websocket::stream_base::timeout{websocket::stream_base::none(), websocket::stream_base::none(), false});
  web_.read_message_max(0);  // read_message() counts, and says what is wrong
  web_.auto_fragment(false);
  web_.text(true);
  web_.control_callback([this](websocket::frame_type kind, beast::string_view) {
    heard_ = clock::now();
    if (kind != websocket::frame_type::close) return;
    left_.request_stop();  // now: the client may keep its end of the connection open
    must_take_by_ = heard_ + goodbye_time;
  });
}

auto conversation::pause(asio::steady_timer& timer, clock::duration most) -> task<> {
  error_code ec;
  timer.expires_after(most);
  co_await timer.async_wait(into(ec));
}

void conversation::begin(actors::execution_request what) {
  is_begun_ = true;
  has_terminal_ = what.rules.terminal.rows != 0;
  paths_ = own_paths(what);
  if (!what.standard_input.empty()) talk_->give(std::exchange(what.standard_input, {}));
  // Whoever calls these may outlive the connection, but not the server, which waits for what it is owed.
  const auto debt = std::make_shared<owed_answer>(hub_);
  auto live = std::make_shared<actors::live_talk>();
  live->with = talk_;
  live->started = [to = unsent_, debt] { to->started(); };
  live->output = [to = unsent_, debt](bool is_error, std::string_view bytes) { to->print(is_error, bytes); };
  what.live = std::move(live);
  ending_.emplace(hub_.ending.get_token(), [left = left_]() mutable { left.request_stop(); });
  hub_.shared.pipeline.execute(
      std::make_shared<const actors::execution_request>(std::move(what)), who_, left_.get_token(),
      [weak = weak_from_this(), to = socket_.get_executor(), debt, &metrics = hub_.shared.metrics](answer given) {
        const auto* refusal = std::get_if<actors::refusal>(&given);
        const bool ran = refusal == nullptr && has_run(*std::get<0>(given));
        metrics.submission("stream", refusal != nullptr ? row(refusal->why).outcome : ran ? "accepted" : "invalid");
        asio::post(to, [weak, given = std::move(given)] {
          if (const auto self = weak.lock()) self->end(given);
        });
      });
}

void conversation::end(const answer& given) {
  if (done_ || gone_) return;
  if (const auto* refusal = std::get_if<actors::refusal>(&given)) {
    const auto public_face = refused(hub_.shared, *refusal);
    return object(close_code::try_again_later, public_face.status, row(refusal->why).detail);
  }
  const auto done = std::get<0>(given);
  if (!has_run(*done)) {
    const auto [status, detail] = describe_refusal(*done, paths_);
    return object(close_code::policy_error, static_cast<unsigned>(status), detail);
  }
  std::size_t size = 0;
  for (const auto& file : done->left.files) size += file.content.size();
  if (size <= large_answer) return unsent_->finish(say_exit(*done));
  hub_.shared.aside([to = unsent_, done, debt = std::make_shared<owed_answer>(hub_)] { to->finish(say_exit(*done)); });
}

void conversation::object(close_code code, unsigned status, std::string_view detail) {
  if (done_) return;
  done_ = true;
  code_ = code;
  unsent_->finish(say_error(status, detail));
  left_.request_stop();
  wake();
}

auto conversation::write() -> task<> {
  while (!gone_) {
    if (const auto message = unsent_->take()) {
      const bool taken = co_await send(*message);
      if (!taken) gone_ = true;
    } else if (unsent_->is_empty_for_good()) {
      co_return;
    } else {
      co_await pause(wake_, std::chrono::hours{1});
    }
  }
}

auto conversation::send(const std::string& message) -> task<bool> {
  error_code ec;
  std::string_view rest = message;
  do {
    const auto piece = rest.substr(0, piece_bytes);
    rest.remove_prefix(piece.size());
    const auto began = clock::now();
    must_take_by_ = began + hub_.lim.write_time;
    co_await web_.async_write_some(rest.empty(), asio::const_buffer{piece.data(), piece.size()}, into(ec));
    if (const auto now = clock::now(); !ec && now - began >= noticeable) heard_ = now;
  } while (!rest.empty() && !ec && !gone_);
  must_take_by_.reset();
  co_return !ec && !gone_;
}

auto conversation::say_goodbye() -> task<> {
  done_ = true;
  must_take_by_ = clock::now() + goodbye_time;
  room_.cancel();
  while (pinging_ && !gone_) co_await pause(wake_, std::chrono::seconds{1});  // one control frame at a time
  if (gone_) co_return;
  error_code ec;
  co_await web_.async_close({code_}, into(ec));
}

/// The one clock of the conversation.
auto conversation::watch() -> task<> {
  const clock::duration interval = std::chrono::seconds{hub_.shared.settings.stream_ping_sec};
  while (!gone_) {
    co_await pause(tick_, tick);
    const auto now = clock::now();
    if (must_take_by_ && now > *must_take_by_) drop();
    if (!gone_ && now > must_start_by_) object(close_code::policy_error, 408, "start: did not come in time");
    if (gone_) continue;
    if (paused_ ? hung_up(socket_.native_handle()) : now - heard_ > 2 * interval) drop();
    if (!gone_ && !done_ && now - heard_ > interval && now - pinged_ > interval) ping();
  }
}

/// Not waited for: behind a client that doesn't read it would be for ever.
void conversation::ping() {
  if (pinging_) return;
  pinged_ = clock::now();
  pinging_ = true;
  ++running_;
  web_.async_ping({}, [self = shared_from_this()](error_code) {
    self->pinging_ = false;
    --self->running_;
    self->wake();
  });
}

void conversation::leave() {
  gone_ = true;
  left_.request_stop();
  wake();
}

void conversation::drop() {
  leave();
  error_code ignored;
  socket_.close(ignored);
  tick_.cancel();
}

void conversation::wake() {
  wake_.cancel();
  room_.cancel();
}

}  // namespace lazaret::http::stream
