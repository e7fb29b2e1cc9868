#pragma once
/// `Range: bytes=...` (RFC 9110, section 14). Pure.

#include <cstdint>
#include <string_view>

#include "http/message.hpp"

namespace lazaret::http {

/// What of `size` bytes a request is to get: `whole` also for what a server is free to leave aside (another unit,
/// several ranges, nonsense), `none` for a range that lies behind the end.
struct byte_range {
  enum class kind : std::uint8_t { whole, some, none } what = kind::whole;
  std::uint64_t first = 0, count = 0;  ///< of `some`
};
[[nodiscard]] byte_range read_range(std::string_view header, std::uint64_t size) noexcept;

/// Makes the answer that sends this piece of a file into the one that sends what the request's Range wants of it: 206,
/// or 416, with their headers. `etag`: strong, with its quotes.
void apply_range(response& into, const request& r, file_piece all, std::string_view etag);

}  // namespace lazaret::http
