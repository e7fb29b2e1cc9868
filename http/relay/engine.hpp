#pragma once
/// The relay's machinery, private to relay.cpp (connections) and relay_names.cpp (names).

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <thread>

#include "http/relay/name_message.hpp"
#include "http/relay/relay.hpp"
#include "http/relay/way_out.hpp"

namespace lazaret::http {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;
using sandbox::ip_address;

inline auto resume_into(error_code& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

/// Everything runs on its one thread, but for serve() and the handles' ends.
class relay::engine {
 public:
  engine(relay_options options, metrics::instruments& meters);
  ~engine();

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
  void watch(const connection_pointer& c, std::chrono::steady_clock::duration time);

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

  void close();
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
  connection(engine& e, side_pointer of, tcp::socket s);
  ~connection();
  connection(const connection&) = delete;
  void end();  ///< resets both sides; whoever waits for one of them goes on with an error

  engine& all;
  const side_pointer jail;
  tcp::socket inside, outside;
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point moved = std::chrono::steady_clock::now();
};

}  // namespace lazaret::http
