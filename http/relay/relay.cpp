#include "http/relay/relay.hpp"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <set>
#include <thread>

#include "http/relay/name_message.hpp"
#include "http/relay/way_out.hpp"

namespace lazaret::http {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using sandbox::ip_address;

namespace {

auto into(error_code& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

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

constexpr std::size_t largest_question = 512, most_known_addresses = 4096;
constexpr int outside_buffer = 256 << 10, inside_buffer = 64 << 10;  // the kernel's, which a peer can fill

}  // namespace

/// Everything runs on its one thread, but for serve() and the handles' ends.
class relay::engine {
 public:
  engine(relay_options options, metrics::instruments& meters) : options_{std::move(options)}, meters_{meters} {
    for (const auto& text : options_.resolvers)
      if (const auto address = ip_address::parse(text))
        resolvers_.emplace_back(address_for_asio(*address), sandbox::name_port);
    thread_ = std::thread{[this] { io_.run(); }};
  }
  ~engine() {
    io_.stop();
    thread_.join();
  }

  std::shared_ptr<void> serve(sandbox::outbound_ends ends, relay_terms terms);

 private:
  struct side;
  struct connection;
  using side_pointer = std::shared_ptr<side>;
  using connection_pointer = std::shared_ptr<connection>;

  asio::awaitable<void> accept(side_pointer jail);
  asio::awaitable<void> carry(connection_pointer c);
  [[nodiscard]] std::string_view judge(const side& jail, const ip_address& to, std::uint16_t port);
  asio::awaitable<void> pump(connection_pointer c, bool outwards);
  void watch(const connection_pointer& c, clock::duration time);

  asio::awaitable<void> hear_questions(side_pointer jail);
  asio::awaitable<void> answer_datagram(side_pointer jail, name_question q, udp::endpoint from);
  asio::awaitable<void> answer_stream(const connection_pointer& c);
  asio::awaitable<name_answer> look_up(const side_pointer& jail, const name_question& q);
  asio::awaitable<std::optional<name_answer>> ask(const udp::endpoint& resolver, const name_question& q);
  [[nodiscard]] bool is_reachable(const ip_address& a);

  const relay_options options_;
  metrics::instruments& meters_;
  std::vector<udp::endpoint> resolvers_;
  way_out ways_;
  std::size_t open_ = 0;
  // After what the suspended coroutines use, whose frames go with it.
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  std::thread thread_;
};

/// One jail.
struct relay::engine::side {
  side(asio::io_context& io, relay_terms t) : terms{std::move(t)}, acceptor{io}, names{io}, room{io} {}

  void close() {
    error_code ignored;
    acceptor.close(ignored);
    names.close(ignored);
    room.cancel();
    end_connections();
  }
  void end_connections();

  const relay_terms terms;
  tcp::acceptor acceptor;
  udp::socket names;
  asio::steady_timer room;  ///< woken when a connection ends
  std::set<connection*> connections;
  std::set<ip_address> known;  ///< what the names of terms.only_hosts led to
  std::size_t attempts = 0, asking = 0, asked = 0;
  std::uint64_t bytes = 0;
};

struct relay::engine::connection {
  connection(engine& e, side_pointer of, tcp::socket s)
      : all{e}, jail{std::move(of)}, inside{std::move(s)}, outside{e.io_}, timer{e.io_} {
    ++all.open_;
    jail->connections.insert(this);
  }
  ~connection() {
    --all.open_;
    jail->connections.erase(this);
    jail->room.cancel();
  }
  connection(const connection&) = delete;

  void end() {
    http::reset(inside);
    http::reset(outside);
    timer.cancel();
  }

  engine& all;
  const side_pointer jail;
  tcp::socket inside, outside;
  asio::steady_timer timer;
  clock::time_point moved = clock::now();
};

void relay::engine::side::end_connections() {
  for (auto* c : connections) c->end();
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
      co_await jail->room.async_wait(into(ec));
      continue;
    }
    tcp::socket arrived{io_};
    co_await jail->acceptor.async_accept(arrived, into(ec));
    if (!jail->acceptor.is_open()) co_return;
    if (ec) {  // EMFILE and the like: a pause, not a spin
      jail->room.expires_after(std::chrono::milliseconds{100});
      co_await jail->room.async_wait(into(ec));
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
  co_await c->outside.async_connect(there, into(ec));
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
    const auto n = co_await from.async_read_some(asio::buffer(room), into(ec));
    if (ec) break;
    c->jail->bytes += n;
    if (c->jail->bytes > options_.most_bytes) {
      meters_.relay_connection("over_limit");
      co_return c->jail->end_connections();
    }
    meters_.relay_bytes(direction, static_cast<double>(n));
    for (std::size_t done = 0; done < n && !ec;) {
      c->moved = clock::now();
      done += co_await to.async_write_some(asio::buffer(room.data() + done, n - done), into(ec));
    }
  }
  if (ec == asio::error::eof)
    to.shutdown(tcp::socket::shutdown_send, ec);  // the other direction may go on
  else
    c->end();
}

asio::awaitable<void> relay::engine::hear_questions(side_pointer jail) {
  std::array<char, largest_question> room;
  for (error_code ec; jail->names.is_open();) {
    udp::endpoint from;
    const auto n = co_await jail->names.async_receive_from(asio::buffer(room), from, into(ec));
    if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) co_return;
    if (ec || jail->asking >= options_.most_questions) continue;
    auto q = read_question({room.data(), n});
    if (q) asio::co_spawn(io_, answer_datagram(jail, std::move(*q), from), asio::detached);
  }
}

asio::awaitable<void> relay::engine::answer_datagram(side_pointer jail, name_question q, udp::endpoint from) {
  const auto answer = co_await look_up(jail, q);
  if (!jail->names.is_open()) co_return;
  const auto message = write_answer(q, answer);
  error_code ec;
  jail->names.send_to(asio::buffer(message), from, 0, ec);  // non-blocking: what doesn't fit is asked again
}

/// RFC 1035 section 4.2.2: each message after its length.
asio::awaitable<void> relay::engine::answer_stream(const connection_pointer& c) {
  std::array<unsigned char, 2 + largest_question> room;
  for (error_code ec;;) {
    c->moved = clock::now();
    watch(c, options_.connect_time);
    co_await asio::async_read(c->inside, asio::buffer(room.data(), 2), into(ec));
    const std::size_t size = room[0] << 8 | room[1];
    if (ec || size > largest_question) co_return;
    co_await asio::async_read(c->inside, asio::buffer(room.data(), size), into(ec));
    if (ec) co_return;
    const auto q = read_question({reinterpret_cast<const char*>(room.data()), size});
    if (!q) co_return;
    const auto answer = co_await look_up(c->jail, *q);
    auto message = write_answer(*q, answer);
    const std::array<char, 2> length{static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xff)};
    message.insert(0, length.data(), length.size());
    co_await asio::async_write(c->inside, asio::buffer(message), into(ec));
    if (ec) co_return;
  }
}

bool relay::engine::is_reachable(const ip_address& a) { return !sandbox::why_forbidden(a) && ways_.to(a) != way::home; }

asio::awaitable<name_answer> relay::engine::look_up(const side_pointer& jail, const name_question& q) {
  const auto& only = jail->terms.only_hosts;
  const auto refuse = [&](name_code code) {
    meters_.relay_lookup("refused");
    return name_answer{code, {}, {}};
  };
  if (q.type != name_type::a && q.type != name_type::aaaa) co_return refuse(name_code::found);
  if (!only.empty() && std::ranges::find(only, q.name) == only.end()) co_return refuse(name_code::unknown);
  if (++jail->asked > options_.most_attempts) co_return refuse(name_code::failed);
  // A program that gets such an address takes it first, sees it connected (to us) and then lost, and gives up.
  if (q.type == name_type::aaaa && ways_.to(sandbox::public_v6().base) != way::outwards)
    co_return name_answer{name_code::found, {}, {}};
  ++jail->asking;
  std::optional<name_answer> got;
  for (const auto& resolver : resolvers_) {
    got = co_await ask(resolver, q);
    if (got && got->code != name_code::failed) break;
  }
  --jail->asking;
  if (!got || got->code == name_code::failed) {
    meters_.relay_lookup("failed");
    co_return name_answer{};
  }
  if (!std::ranges::all_of(got->addresses, [this](const auto& a) { return is_reachable(a); }))
    co_return refuse(name_code::unknown);
  if (!only.empty() && jail->known.size() < most_known_addresses)
    jail->known.insert(got->addresses.begin(), got->addresses.end());
  meters_.relay_lookup("answered");
  co_return std::move(*got);
}

/// From a port of its own and with an id of its own each time, so that nobody else's answer is taken (RFC 5452).
asio::awaitable<std::optional<name_answer>> relay::engine::ask(const udp::endpoint& resolver, const name_question& q) {
  const auto socket = std::make_shared<udp::socket>(io_);
  name_question own = q;
  if (::getrandom(&own.id, sizeof own.id, 0) != sizeof own.id) co_return std::nullopt;
  error_code ec;
  socket->open(resolver.protocol(), ec);
  if (!ec) socket->connect(resolver, ec);
  if (!ec) socket->send(asio::buffer(write_question(own)), 0, ec);
  asio::steady_timer timer{io_, options_.resolver_time};
  timer.async_wait([weak = std::weak_ptr{socket}](error_code canceled) {
    error_code ignored;
    if (const auto alive = weak.lock(); alive && !canceled) alive->close(ignored);
  });
  std::array<char, 4096> room;
  while (!ec) {
    const auto n = co_await socket->async_receive(asio::buffer(room), into(ec));
    if (ec) break;
    auto answer = read_answer({room.data(), n}, own);
    if (answer) co_return answer;
  }
  co_return std::nullopt;
}

relay::relay(relay_options options, metrics::instruments& meters)
    : engine_{std::make_unique<engine>(std::move(options), meters)} {}
relay::~relay() = default;

std::shared_ptr<void> relay::serve(sandbox::outbound_ends ends, relay_terms terms) {
  return engine_->serve(std::move(ends), std::move(terms));
}

}  // namespace lazaret::http
