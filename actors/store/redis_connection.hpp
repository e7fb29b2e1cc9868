#pragma once
/// A connection to one Redis that has introduced itself: password, database, the version of the data. Used by one
/// thread at a time.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "actors/store/redis_socket.hpp"
#include "actors/store/redis_wire.hpp"

namespace lazaret::durable::redis {

/// Why a question has no answer.
struct mishap {
  enum class kind : std::uint8_t {
    not_asked,  ///< the server can't have seen the question
    unknown,    ///< it may have done what it was asked
    late,       ///< as unknown, and the patience of the caller is used up
    refused,    ///< the server's answer was an error, or it isn't one that we may use
  } what = kind::not_asked;
  sandbox::failure why;
  /// Waiting will not heal it: a wrong password, a newer store. Whoever opens the store should be told.
  bool lasts = false;
};

template <class T>
using attempt = boost::system::result<T, mishap>;
[[noreturn]] void throw_exception_from_error(const mishap& m, const boost::source_location& where);

class connection {
 public:
  /// Dials, says who we are, and looks at the server: Redis 7 or later, and data that this program understands.
  [[nodiscard]] static attempt<std::unique_ptr<connection>> open(const dialer& to, milliseconds patience);

  /// One command, one reply; an error reply is a reply. After a mishap the connection is of no more use.
  attempt<reply> ask(std::span<const std::string_view> arguments, milliseconds patience);
  /// For a subscriber: no reply is awaited.
  attempt<void> say(std::span<const std::string_view> arguments, milliseconds patience);
  /// The next reply or pushed message; nothing when none came in that time.
  attempt<std::optional<reply>> listen(milliseconds patience);

  /// It was closed while it was idle.
  [[nodiscard]] bool is_stale() const { return socket_->has_news(); }
  [[nodiscard]] int descriptor() const noexcept { return socket_->descriptor(); }

 private:
  explicit connection(std::unique_ptr<socket> made) : socket_{std::move(made)} {}
  attempt<void> introduce(const address& to, milliseconds patience);
  std::unique_ptr<socket> socket_;
  decoder decoder_;
};

}  // namespace lazaret::durable::redis
