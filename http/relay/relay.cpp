#include "http/relay/relay.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <vector>

#include "http/relay/engine.hpp"

namespace lazaret::http {
using clock = std::chrono::steady_clock;

namespace {

ip_address address_of(const asio::ip::address& a) {
  if (a.is_v4()) return ip_address::from_v4(a.to_v4().to_bytes());
  return ip_address::from_v6(a.to_v6().to_bytes());
}

asio::ip::address address_for_asio(const ip_address& a) {
  if (a.is_v6) return asio::ip::address_v6{a.octets};
  asio::ip::address_v4::bytes_type octets;
  std::copy_n(a.octets.begin(), octets.size(), octets.begin());
  return asio::ip::address_v4{octets};
}

/// The other end is told by a reset, as one that no machine answers for.
void reset(tcp::socket& s) {
  error_code ignored;
  s.set_option(asio::socket_base::linger{true, 0}, ignored);
  s.close(ignored);
}

constexpr int outside_buffer = 256 << 10, inside_buffer = 64 << 10;  // the kernel's, which a peer can fill

}  // namespace

relay::engine::engine(relay_options options, metrics::instruments& meters)
    : options_{std::move(options)}, meters_{meters} {
  for (const auto& text : options_.resolvers)
    if (const auto address = ip_address::parse(text))
      resolvers_.emplace_back(address_for_asio(*address), sandbox::name_port);
  thread_ = std::thread{[this] { io_.run(); }};
}

relay::engine::~engine() {
  io_.stop();
  thread_.join();
}

void relay::engine::side::close() {
  error_code ignored;
  acceptor.close(ignored);
  names.close(ignored);
  room.cancel();
  end_connections();
}

void relay::engine::side::end_connections() {
  for (auto* c : connections) c->end();
}

relay::engine::connection::connection(engine& e, side_pointer of, tcp::socket s)
    : all{e}, jail{std::move(of)}, inside{std::move(s)}, outside{e.io_}, timer{e.io_} {
  ++all.open_;
  jail->connections.insert(this);
}

relay::engine::connection::~connection() {
  --all.open_;
  jail->connections.erase(this);
  jail->room.cancel();
}

void relay::engine::connection::end() {
  reset(inside);
  reset(outside);
  timer.cancel();
}

std::shared_ptr<void> relay::engine::serve(sandbox::outbound_ends ends, relay_terms terms) {
  auto jail = std::make_shared<side>(io_, std::move(terms));
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(ends.connections.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  error_code ec;
  jail->acceptor.assign(bound.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), ends.connections.get(), ec);
  if (!ec) (void)ends.connections.release();
  jail->names.assign(udp::v4(), ends.names.get(), ec);
  if (!ec) (void)ends.names.release();
  asio::co_spawn(io_, accept(jail), asio::detached);
  asio::co_spawn(io_, hear_questions(jail), asio::detached);
  return {jail.get(), [this, jail](void*) mutable {
            std::promise<void> closed;
            asio::post(io_, [&] {
              jail->close();
              jail.reset();
              closed.set_value();
            });
            closed.get_future().wait();
          }};
}

asio::awaitable<void> relay::engine::accept(side_pointer jail) {
  for (error_code ec; jail->acceptor.is_open();) {
    if (jail->connections.size() >= options_.most_connections || open_ >= options_.most_in_all) {
      jail->room.expires_after(std::chrono::milliseconds{50});  // another jail's place may have become free
      co_await jail->room.async_wait(resume_into(ec));
      continue;
    }
    tcp::socket arrived{io_};
    co_await jail->acceptor.async_accept(arrived, resume_into(ec));
    if (!jail->acceptor.is_open()) co_return;
    if (ec) {  // EMFILE and the like: a pause, not a spin
      jail->room.expires_after(std::chrono::milliseconds{100});
      co_await jail->room.async_wait(resume_into(ec));
      continue;
    }
    auto c = std::make_shared<connection>(*this, jail, std::move(arrived));
    asio::co_spawn(io_, carry(std::move(c)), asio::detached);
    if (++jail->attempts < options_.most_attempts) continue;
    meters_.relay_connection("over_limit");
    jail->acceptor.close(ec);  // the kernel refuses what still comes, at the jail's own cost
  }
}

std::string_view relay::engine::judge(const side& jail, const ip_address& to, std::uint16_t port) {
  const auto& ports = options_.ports;
  if (ports.empty() ? port == 25 : std::ranges::find(ports, port) == ports.end()) return "refused_port";
  if (sandbox::why_forbidden(to)) return "refused_address";
  if (!jail.terms.only_hosts.empty() && !jail.known.contains(to)) return "refused_name";
  if (jail.bytes >= options_.most_bytes) return "over_limit";
  switch (ways_.to(to)) {
    case way::outwards:
      return {};
    case way::home:
      return "refused_address";
    case way::no_way:
      return "unreachable";
  }
  return "refused_address";
}

asio::awaitable<void> relay::engine::carry(connection_pointer c) {
  error_code ec;
  const auto wanted = c->inside.local_endpoint(ec);
  if (ec) co_return c->end();
  const auto to = address_of(wanted.address());
  const auto port = wanted.port();
  if (to == sandbox::name_server && port == sandbox::name_port) {
    co_await answer_stream(c);
    co_return c->end();
  }
  if (const auto refused = judge(*c->jail, to, port); !refused.empty()) {
    meters_.relay_connection(refused);
    co_return c->end();
  }
  watch(c, options_.connect_time);
  const tcp::endpoint there{address_for_asio(to), port};
  co_await c->outside.async_connect(there, resume_into(ec));
  if (!ec && !c->inside.is_open()) ec = asio::error::operation_aborted;
  meters_.relay_connection(ec ? "unreachable" : "relayed");
  if (ec) co_return c->end();
  for (auto [socket, size] : {std::pair{&c->inside, inside_buffer}, std::pair{&c->outside, outside_buffer}}) {
    socket->set_option(asio::socket_base::receive_buffer_size{size}, ec);
    socket->set_option(asio::socket_base::send_buffer_size{size}, ec);
    socket->set_option(tcp::no_delay{true}, ec);
  }
  c->moved = clock::now();
  watch(c, options_.idle_time);
  asio::co_spawn(io_, pump(c, true), asio::detached);
  asio::co_spawn(io_, pump(std::move(c), false), asio::detached);
}

/// Ends a connection in which nothing has moved for that long.
void relay::engine::watch(const connection_pointer& c, clock::duration time) {
  c->timer.expires_at(c->moved + time);
  c->timer.async_wait([this, time, weak = std::weak_ptr{c}](error_code ec) {
    const auto alive = weak.lock();
    if (ec || !alive) return;
    if (clock::now() >= alive->moved + time) return alive->end();
    watch(alive, time);
  });
}

asio::awaitable<void> relay::engine::pump(connection_pointer c, bool outwards) {
  auto& from = outwards ? c->inside : c->outside;
  auto& to = outwards ? c->outside : c->inside;
  const std::string_view direction = outwards ? "out" : "in";
  std::vector<char> room(options_.buffer);
  error_code ec;
  while (!ec) {
    const auto n = co_await from.async_read_some(asio::buffer(room), resume_into(ec));
    if (ec) break;
    c->jail->bytes += n;
    if (c->jail->bytes > options_.most_bytes) {
      meters_.relay_connection("over_limit");
      co_return c->jail->end_connections();
    }
    meters_.relay_bytes(direction, static_cast<double>(n));
    for (std::size_t done = 0; done < n && !ec;) {
      c->moved = clock::now();
      done += co_await to.async_write_some(asio::buffer(room.data() + done, n - done), resume_into(ec));
    }
  }
  if (ec == asio::error::eof)
    to.shutdown(tcp::socket::shutdown_send, ec);  // the other direction may go on
  else
    c->end();
}

relay::relay(relay_options options, metrics::instruments& meters)
    : engine_{std::make_unique<engine>(std::move(options), meters)} {}
relay::~relay() = default;

std::shared_ptr<void> relay::serve(sandbox::outbound_ends ends, relay_terms terms) {
  return engine_->serve(std::move(ends), std::move(terms));
}

}  // namespace lazaret::http
