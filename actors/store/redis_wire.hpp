#pragma once
/// Redis' protocol, as hiredis writes and reads it (RESP2, https://redis.io/docs/reference/protocol-spec/). hiredis is
/// visible in redis_wire.cpp only, and no more of it than this: Debian 12's 0.14 knows neither TLS nor a deadline.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lazaret::durable::redis {

struct reply {
  enum class kind : std::uint8_t { nothing, status, error, integer, text, list } what = kind::nothing;
  std::string text;          ///< of status, error, text
  std::int64_t integer = 0;  ///< of integer
  std::vector<reply> list;   ///< of list

  [[nodiscard]] bool is_error() const noexcept { return what == kind::error; }
};

/// A command as it goes over the wire. Arguments may hold any byte.
[[nodiscard]] std::string encode(std::span<const std::string_view> arguments);

/// Bytes in, replies out. Once it said that the bytes are no protocol, it is of no more use.
class decoder {
 public:
  decoder();
  void feed(std::string_view bytes);
  /// Nothing until a reply is whole. Throws std::runtime_error for what is no protocol.
  [[nodiscard]] std::optional<reply> next();

 private:
  struct closer {
    void operator()(void* reader) const;
  };
  std::unique_ptr<void, closer> reader_;
};

}  // namespace lazaret::durable::redis
