#include "actors/json.hpp"

namespace lazaret::actors {
namespace {

/// Length of the longest well-formed start of a sequence at `s` (Unicode 15, table 3-7), and whether it is complete.
struct sequence {
  std::size_t length;
  bool complete;
};

sequence first_sequence(std::string_view s) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return {1, true};
  // The second byte's range excludes overlong forms, surrogates and what lies past U+10FFFF.
  std::size_t wanted = 0;
  unsigned low = 0x80, high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) wanted = 2;
  if (lead >= 0xE0 && lead <= 0xEF) wanted = 3;
  if (lead >= 0xF0 && lead <= 0xF4) wanted = 4;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  std::size_t have = 1;
  for (; have < wanted && have < s.size(); ++have, low = 0x80, high = 0xBF)
    if (at(have) < low || at(have) > high) break;
  return {have, wanted != 0 && have == wanted};
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [length, complete] = first_sequence(text);
    out += complete ? text.substr(0, length) : std::string_view{"\xEF\xBF\xBD"};
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace lazaret::actors
