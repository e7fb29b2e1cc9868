#pragma once
/// One byte stream to a Redis: TCP, TLS or a unix socket, every step with a time-out. A socket is used by one thread at
/// a time; a dialer by any. OpenSSL is visible in redis_socket.cpp only.

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "actors/store/redis_url.hpp"

namespace lazaret::durable::redis {

using std::chrono::milliseconds;

class socket {
 public:
  virtual ~socket() = default;
  /// All of it. `patience`: how long it may go without any progress.
  virtual result<void> send(std::string_view bytes, milliseconds patience) = 0;
  /// At least one byte; 0 when none came in that time. The other side's end is a failure.
  virtual result<std::size_t> receive(std::span<char> into, milliseconds patience) = 0;
  /// There are bytes, or an end, where nothing is expected: an idle connection that was closed meanwhile.
  [[nodiscard]] virtual bool has_news() const = 0;
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

class dialer {
 public:
  /// Reads the certificates; fails when they can't be.
  [[nodiscard]] static result<dialer> make(address to);
  /// A host's addresses one after the other, each with that patience. The look-up of the name has the resolver's own
  /// time-out (resolv.conf(5)).
  [[nodiscard]] result<std::unique_ptr<socket>> dial(milliseconds patience) const;
  [[nodiscard]] const address& to() const noexcept { return to_; }

 private:
  explicit dialer(address to) : to_{std::move(to)} {}
  address to_;
  std::shared_ptr<void> tls_;  ///< an SSL_CTX
};

}  // namespace lazaret::durable::redis
