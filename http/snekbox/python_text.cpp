#include "http/snekbox/python_text.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace lazaret::http::snekbox {
namespace {

namespace json = boost::json;

/// Of valid UTF-8.
std::uint32_t next_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t value = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length && i < text.size(); ++i)
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
  text.remove_prefix(std::min(length, text.size()));
  return value;
}

bool is_printable(std::uint32_t c) {
  struct range {
    std::uint32_t first, last;
  };
  constexpr std::array hidden{range{0, 0x1F},        range{0x7F, 0xA0},       range{0xAD, 0xAD},
                              range{0x600, 0x605},   range{0x61C, 0x61C},     range{0x6DD, 0x6DD},
                              range{0x180E, 0x180E}, range{0x1680, 0x1680},   range{0x2000, 0x200F},
                              range{0x2028, 0x202F}, range{0x205F, 0x206F},   range{0x3000, 0x3000},
                              range{0xD800, 0xF8FF}, range{0xFEFF, 0xFEFF},   range{0xFFF0, 0xFFFB},
                              range{0xFFFE, 0xFFFF}, range{0xE0000, 0x10FFFF}};
  for (const auto& r : hidden)
    if (c >= r.first && c <= r.last) return false;
  return true;
}

/// Shortest text that reads back as the same number; with an exponent below 1e-4 and from 1e16 (PyOS_double_to_string).
std::string python_float(double number) {
  if (!std::isfinite(number)) return number < 0 ? "-inf" : "inf";  // 1e999, for Python and for Boost.JSON
  std::array<char, 64> room{};
  const auto end = std::to_chars(room.data(), room.data() + room.size(), number, std::chars_format::scientific).ptr;
  const std::string_view text{room.data(), static_cast<std::size_t>(end - room.data())};
  const auto mark = text.find('e');
  const auto exponent = std::stoi(std::string{text.substr(mark + 1)});
  if (exponent < -4 || exponent >= 16) return std::string{text};
  const auto plain = std::to_chars(room.data(), room.data() + room.size(), number, std::chars_format::fixed).ptr;
  std::string fixed{room.data(), plain};
  return fixed.find('.') == fixed.npos ? fixed + ".0" : fixed;
}

void write(std::string& out, const json::value& value);

template <class Items, class Each>
void write_all(std::string& out, const Items& items, const Each& each) {
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ", ";
    first = false;
    each(item);
  }
}

void write(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out += "None";
      return;
    case json::kind::bool_:
      out += value.get_bool() ? "True" : "False";
      return;
    case json::kind::int64:
      out += std::to_string(value.get_int64());
      return;
    case json::kind::uint64:
      out += std::to_string(value.get_uint64());
      return;
    case json::kind::double_:
      out += python_float(value.get_double());
      return;
    case json::kind::string:
      out += python_repr(std::string_view{value.get_string().data(), value.get_string().size()});
      return;
    case json::kind::array:
      out += '[';
      write_all(out, value.get_array(), [&](const json::value& item) { write(out, item); });
      out += ']';
      return;
    case json::kind::object:
      out += '{';
      write_all(out, value.get_object(), [&](const json::key_value_pair& item) {
        out += python_repr(std::string_view{item.key().data(), item.key().size()}) + ": ";
        write(out, item.value());
      });
      out += '}';
      return;
  }
}

}  // namespace

std::string python_repr(const json::value& value) {
  std::string out;
  write(out, value);
  return out;
}

std::string python_repr(std::string_view utf8) {
  const char quote = utf8.find('\'') != utf8.npos && utf8.find('"') == utf8.npos ? '"' : '\'';
  std::string out{quote};
  while (!utf8.empty()) {
    const auto rest = utf8;
    const auto c = next_character(utf8);
    if (c == static_cast<std::uint32_t>(quote) || c == '\\')
      (out += '\\') += static_cast<char>(c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (is_printable(c))
      out += rest.substr(0, rest.size() - utf8.size());
    else
      out += c < 0x100     ? fmt::format("\\x{:02x}", c)
             : c < 0x10000 ? fmt::format("\\u{:04x}", c)
                           : fmt::format("\\U{:08x}", c);
  }
  return out += quote;
}

std::string_view python_error_name(int error) noexcept {
  switch (error) {
    case EISDIR:
      return "IsADirectoryError";
    case ENOTDIR:
      return "NotADirectoryError";
    case EEXIST:
      return "FileExistsError";
    case ENOENT:
      return "FileNotFoundError";
    case EACCES:
    case EPERM:
      return "PermissionError";
    case EINTR:
      return "InterruptedError";
    case EAGAIN:
      return "BlockingIOError";
    default:
      return "OSError";
  }
}

}  // namespace lazaret::http::snekbox
