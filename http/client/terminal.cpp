#include "http/client/terminal.hpp"

#include <cstdint>

namespace lazaret::client {
namespace {

struct decoded {
  std::uint32_t code = 0;
  std::size_t length = 0;  ///< 0: not UTF-8
};

decoded first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  std::uint32_t code = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, length};
}

bool is_harmful(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  // Direction marks, overrides and isolates (Unicode TR 36, "bidirectional text spoofing"), line and paragraph
  // separators, invisible joiners, tags.
  return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0x61c || code == 0xfeff || code == 0xad ||
         (code >= 0xfff0 && code <= 0xfffb) || (code >> 8) == 0xe00;
}

std::string hex(std::uint32_t number, int digits) {
  constexpr char figures[] = "0123456789abcdef";
  std::string text;
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) text += figures[number >> shift & 0xf];
  return text;
}

}  // namespace

std::string neutral(std::string_view text, bool lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [code, length] = first_of(text);
    const auto used = length == 0 ? 1 : length;
    if (length == 0) {
      out += "\\x" + hex(static_cast<unsigned char>(text[0]), 2);
    } else if (lines && code == '\n') {
      out += '\n';
    } else if (!is_harmful(code)) {
      out += text.substr(0, used);
    } else {
      out += code < 0x100 ? "\\x" + hex(code, 2) : "\\u{" + hex(code, code > 0xffff ? 6 : 4) + "}";
    }
    text.remove_prefix(used);
  }
  return out;
}

}  // namespace lazaret::client
