#pragma once
/// The HTML report's one style sheet. Any thread.

#include <string>
#include <string_view>

namespace lazaret::report {

[[nodiscard]] std::string_view style_sheet() noexcept;
/// `sha256-...` of it, by which the page's Content-Security-Policy admits this style and no other (CSP 3, 2.3.1).
[[nodiscard]] std::string style_digest();

}  // namespace lazaret::report
