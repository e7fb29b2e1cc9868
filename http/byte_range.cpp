#include "http/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace lazaret::http {
namespace {

constexpr byte_range whole{};

/// Digits only. Too many of them are a very large number.
std::optional<std::uint64_t> read_number(std::string_view digits) {
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  std::uint64_t number = 0;
  const auto error = std::from_chars(digits.data(), digits.data() + digits.size(), number).ec;
  return error == std::errc{} ? number : UINT64_MAX;
}

}  // namespace

byte_range read_range(std::string_view header, std::uint64_t size) noexcept {
  constexpr std::string_view unit = "bytes=";
  if (header.size() < unit.size() ||
      !std::equal(unit.begin(), unit.end(), header.begin(), [](char a, char b) { return a == (b | 0x20) || a == b; }))
    return whole;
  header.remove_prefix(unit.size());
  while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
  while (!header.empty() && header.back() == ' ') header.remove_suffix(1);
  const auto dash = header.find('-');
  if (dash == header.npos) return whole;
  const auto from = header.substr(0, dash), to = header.substr(dash + 1);
  const auto first = read_number(from), last = read_number(to);
  if (from.empty()) {  // the last so many
    if (!last) return whole;
    if (*last == 0 || size == 0) return {byte_range::kind::none};
    const auto count = std::min(*last, size);
    return {byte_range::kind::some, size - count, count};
  }
  if (!first || (!to.empty() && (!last || *last < *first))) return whole;
  if (*first >= size) return {byte_range::kind::none};
  return {byte_range::kind::some, *first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

void apply_range(response& into, const request& r, file_piece all, std::string_view etag) {
  into.piece = all;
  into.headers.emplace_back("Accept-Ranges", "bytes");
  into.headers.emplace_back("ETag", etag);
  // A validator that is not this file's own means: all of it (RFC 9110, section 13.1.5).
  if (r.method != "GET" || r.range.empty() || (!r.if_range.empty() && r.if_range != etag)) return;
  const auto wanted = read_range(r.range, all.size);
  if (wanted.what == byte_range::kind::whole) return;
  if (wanted.what == byte_range::kind::none) {
    into = failed(416, "the range lies behind the end");
    into.headers.emplace_back("Content-Range", "bytes */" + std::to_string(all.size));
    return;
  }
  into.status = 206;
  into.piece = {all.offset + wanted.first, wanted.count};
  into.headers.emplace_back("Content-Range", "bytes " + std::to_string(wanted.first) + "-" +
                                                 std::to_string(wanted.first + wanted.count - 1) + "/" +
                                                 std::to_string(all.size));
}

}  // namespace lazaret::http
