#include "actors/report/text.hpp"

#include <cstdio>

#include "actors/json.hpp"
#include "actors/markup.hpp"

namespace lazaret::report {
namespace {

/// Takes one scalar from the front of valid UTF-8.
char32_t take_scalar(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  text.remove_prefix(length);
  return code;
}

bool hides(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x034F || c == 0x061C || c == 0x115F || c == 0x1160 ||
         c == 0x17B4 || c == 0x17B5 || (c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || (c >= 0xFE00 && c <= 0xFE0F) ||
         c == 0xFEFF || c == 0xFFA0 || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

}  // namespace

std::string visible(std::string_view text, bool keeps_lines) {
  const auto valid = actors::valid_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (std::string_view rest = valid; !rest.empty();) {
    const auto before = rest;
    const auto c = take_scalar(rest);
    if (!hides(c) || (keeps_lines && (c == '\n' || c == '\t'))) {
      out += before.substr(0, before.size() - rest.size());
    } else {
      char name[24];
      std::snprintf(name, sizeof name, "‹U+%04X›", static_cast<unsigned>(c));
      out += name;
    }
  }
  return out;
}

std::string html(std::string_view text, bool keeps_lines) { return actors::escape_markup(visible(text, keeps_lines)); }

std::size_t scalars(std::string_view utf8) noexcept {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::string cut(std::string_view text, std::size_t longest) {
  if (scalars(text) <= longest) return std::string{text};
  if (longest == 0) return {};
  std::size_t end = 0;
  for (std::size_t count = 0; count < longest; ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 && ++count == longest) break;
  return std::string{text.substr(0, end)} + "…";
}

std::string human_bytes(std::uint64_t n) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(n);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

std::string human_seconds(double seconds) {
  char text[32];
  if (seconds < 1)
    std::snprintf(text, sizeof text, "%.0f ms", seconds * 1000);
  else
    std::snprintf(text, sizeof text, seconds < 100 ? "%.2f s" : "%.0f s", seconds);
  return text;
}

}  // namespace lazaret::report
