#pragma once
/// A header field that is a list of elements with commas between them (RFC 9110, section 5.6.1). The input is hostile.

#include <algorithm>
#include <string_view>

namespace lazaret::http {

/// Without the white space (RFC 9110, section 5.6.3) around it.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view white = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
  return text.substr(0, text.find_last_not_of(white) + 1);
}

/// Calls `look` with each element, which may be empty, until it says that it is content.
template <class Look>
void for_each_listed(std::string_view list, Look look) {
  while (!list.empty()) {
    const auto one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    if (look(trimmed(one))) return;
  }
}

}  // namespace lazaret::http
