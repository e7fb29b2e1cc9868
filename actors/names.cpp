#include "actors/names.hpp"

#include <algorithm>

namespace lazaret::actors {
namespace {

// Not <cctype>: what those functions say depends on the locale.
constexpr bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool separator(char c) { return c == '-' || c == '_' || c == '.'; }

}  // namespace

bool is_package_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 200 && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return alphanumeric(c) || separator(c); });
}

std::string normalise_name(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    if (!separator(c))
      folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    else if (folded.empty() || folded.back() != '-')
      folded += '-';
  }
  return folded;
}

bool is_denied(std::string_view name, const std::vector<std::string>& denylist) {
  const auto asked = normalise_name(name);
  return std::any_of(denylist.begin(), denylist.end(), [&](const std::string& entry) {
    const auto denied = normalise_name(entry);
    return !denied.empty() && (asked == denied || asked.starts_with(denied + "-"));
  });
}

}  // namespace lazaret::actors
