#pragma once
/// One conversation over a WebSocket (RFC 6455): a program that is talked with while it runs. Lives on the strand of
/// its connection, and ends the jail when its client goes: closes, resets, or says nothing any more, not even to a
/// ping.
///
/// Bounded: what the program prints waits in 256 KiB here and 128 KiB of the socket, then it stays in the program's
/// pipe. What the client types waits in 256 KiB and one message, then it stays in the client's connection.

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/hub.hpp"
#include "http/large_body.hpp"
#include "http/session.hpp"
#include "http/stream/outbox.hpp"
#include "http/validate.hpp"

namespace lazaret::http::stream {

class conversation : public std::enable_shared_from_this<conversation> {
 public:
  template <class T = void>
  using task = boost::asio::awaitable<T, strand>;
  using handshake = boost::beast::http::request<boost::beast::http::string_body>;

  /// `socket` belongs to `owner`.
  conversation(hub& h, session::socket& socket, std::shared_ptr<void> owner, actors::claimant who);

  /// From the handshake to the close. When it returns the socket is of no more use. `protocol`: as agreed, or empty.
  task<> serve(const handshake& asked, std::string_view protocol);

 private:
  using clock = std::chrono::steady_clock;
  using error_code = boost::beast::error_code;
  using close_code = boost::beast::websocket::close_code;
  using answer = actors::answer<std::shared_ptr<actors::execution_answer>>;

  void tune();
  auto when_over();
  static task<> pause(boost::asio::steady_timer& timer, clock::duration most);

  task<> read();
  /// Into `buffer_`. False: nothing more comes.
  task<bool> read_message(std::size_t most);
  task<> hear_first();
  void parse_first();
  void begin_with(checked<actors::execution_request> read);
  void hear();
  task<> wait_for_room();

  task<> write();
  task<bool> send(const std::string& message);
  task<> say_goodbye();

  task<> watch();
  void ping();

  void begin(actors::execution_request what);
  void end(const answer& given);
  /// It is over, and the client is told why.
  void object(close_code code, unsigned status, std::string_view detail);
  void leave();  ///< nobody is there any more: the jail ends
  void drop();   ///< as leave(), and the connection with it
  void wake();

  hub& hub_;
  session::socket& socket_;
  boost::beast::websocket::stream<session::socket&> web_;
  const std::shared_ptr<void> owner_;
  const actors::claimant who_;
  boost::asio::steady_timer tick_, wake_, room_;
  boost::beast::flat_buffer buffer_;
  large_body request_bytes_;
  std::size_t extended_ = 0;
  std::shared_ptr<sandbox::conversation> talk_;
  std::shared_ptr<outbox> unsent_;
  std::optional<checked<actors::execution_request>> first_;  ///< what the first message was read as
  std::stop_source left_;
  std::optional<std::stop_callback<std::function<void()>>> ending_;
  std::vector<std::string> paths_;  ///< of the request's files, for what is said of them
  close_code code_ = close_code::normal;
  clock::time_point heard_, pinged_, must_start_by_;
  std::optional<clock::time_point> must_take_by_;  ///< what is being written
  int running_ = 0;                                ///< coroutines and pings beside serve()
  bool is_begun_ = false, has_terminal_ = false, pinging_ = false;
  bool paused_ = false;  ///< nothing is read: the program is slow
  bool done_ = false;    ///< the last message is on its way
  bool gone_ = false;
};

}  // namespace lazaret::http::stream
