#include "http/quartermaster/amount.hpp"

#include <charconv>
#include <cmath>

namespace lazaret::http {

std::optional<std::uint64_t> read_amount(std::string_view text) noexcept {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || std::signbit(number) || !std::isfinite(number)) return std::nullopt;
  std::string unit{end, text.data() + text.size()};
  for (char& c : unit) c = static_cast<char>(c | 0x20);
  if (unit.size() == 2 && unit[1] == 'b' && unit[0] != 'b') unit.pop_back();
  constexpr std::string_view units = "bkmgt";
  const auto power = unit.empty() ? 0 : unit.size() == 1 ? units.find(unit[0]) : units.npos;
  if (power == units.npos) return std::nullopt;
  number = std::floor(std::ldexp(number, static_cast<int>(power) * 10));
  if (number >= 0x1p62) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

std::string check_amount(std::string_view value) {
  const auto amount = read_amount(value);
  return amount && *amount > 0 ? "" : "must be an amount of memory, like 256m or 1g";
}

}  // namespace lazaret::http
