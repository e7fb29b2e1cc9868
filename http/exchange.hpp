#pragma once
/// What the files of a session share: a request as Beast read it, and one whose answer comes from another thread.

#include <boost/asio/post.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "http/message.hpp"
#include "http/session.hpp"

namespace lazaret::http {

/// Views into `message` and `client`.
[[nodiscard]] request describe(const boost::beast::http::request<boost::beast::http::string_body>& message,
                               std::string_view client);

/// session::read_body() has it that the memory for large bodies is used up.
inline const boost::beast::error_code no_room = make_error_code(boost::system::errc::not_enough_memory);

/// A request whose answer comes from another thread. Whoever answers keeps it; the first answer wins.
struct session::exchange {
  boost::beast::http::request<boost::beast::http::string_body> message;
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
    if (auto self = from.lock()) boost::asio::post(self->socket_.get_executor(), [self] { self->wake_.cancel(); });
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

}  // namespace lazaret::http
