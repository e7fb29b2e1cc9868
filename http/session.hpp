#pragma once
/// One connection: reads requests one after the other, answers each before it reads the next (pipelined requests wait
/// in the buffer), and lets go of everything when the client does.

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http/hub.hpp"

namespace lazaret::http {

class large_body;

class session : public std::enable_shared_from_this<session> {
 public:
  using tcp = boost::asio::ip::tcp;
  using socket = boost::asio::basic_stream_socket<tcp, strand>;

  session(hub& h, const front& stands_for, socket s, std::string client);
  ~session();
  /// Call once, after construction in a shared_ptr.
  void start();
  /// From any thread: closes when idle, ends an event stream, else lets the request in hand be the last.
  void drain();

 private:
  template <class T = void>
  using task = boost::asio::awaitable<T, strand>;
  using clock = std::chrono::steady_clock;
  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  struct exchange;
  /// What becomes of one request.
  struct turn {
    response given;
    std::string_view label = "other";  ///< of the route, for the metrics
    std::string_view method = "other";
    bool keep_alive = false;
    bool lingers = false;  ///< the client may still be sending what was refused
    bool client_left = false;
  };

  task<> serve();
  task<> watch();
  /// One request and its response. False: the connection is to be closed.
  task<bool> serve_one();
  /// The rest of the connection is a WebSocket.
  task<bool> converse(turn& t, clock::duration took);

  /// Head and body of a request; the error is Beast's, or `end_of_stream` when the client went away.
  task<boost::beast::error_code> read_head(parser& p);
  task<boost::beast::error_code> read_body(parser& p, large_body* room = nullptr);
  task<boost::beast::error_code> read_more(std::size_t most);

  /// Finds out what to answer: gate, body, handler.
  task<> take(parser& reader, boost::beast::error_code ec, turn& t);
  task<> answer(const route& to, request asked, std::array<std::string_view, 2> arguments, parser& p, response& given);
  task<> wait_for(exchange& x, std::chrono::milliseconds most);
  /// While a run goes on: reads ahead what the client sends on, and says in `x` when it went away.
  task<> notice_leaving(std::shared_ptr<exchange> x);
  task<> stop_noticing();

  /// These return false when the connection is over.
  task<bool> send(turn& t);
  task<bool> send_file(turn& t);
  task<bool> send_live(response& given);
  task<bool> read_piece(std::shared_ptr<live_body> live, live_body::piece& into_here);
  task<bool> wait_for_poke();
  task<bool> write(std::string_view bytes);
  /// The client may still be sending what nobody will read; closing at once would reset the connection under the
  /// response (RFC 9112, section 9.6).
  task<> linger();
  /// Reads and forgets until the client goes away.
  task<> watch_for_leaving();

  /// The moment at which watch() closes the connection.
  void allow(std::chrono::milliseconds time) { deadline_ = clock::now() + time; }
  void close();

  hub& hub_;
  const front& front_;
  socket socket_;
  boost::asio::steady_timer watchdog_, wake_;
  boost::beast::flat_buffer buffer_;
  std::string out_;  ///< head (and small body) of the response, kept between requests for its capacity
  const std::string client_;
  std::shared_ptr<exchange> admitted_;  ///< the request that was answered 101
  clock::time_point deadline_;
  bool idle_ = false, closed_ = false, poked_ = false, noticing_ = false;
};

}  // namespace lazaret::http
