#pragma once
/// Makes text of a package harmless and legible. Pure; any thread.

#include <cstdint>
#include <string>
#include <string_view>

namespace lazaret::report {

/// Valid UTF-8 in which nothing hides: control characters and what changes the order or width of its neighbours (bidi
/// overrides, zero-width and tag characters; Unicode TR 36, 3.2 and TR 39, 5.4) is written as `‹U+202E›`. Tab and line
/// feed stay when `keeps_lines`, else they are written too.
[[nodiscard]] std::string visible(std::string_view text, bool keeps_lines = false);

/// visible(), then `& < > " '` as character references: safe as content and inside a quoted attribute.
[[nodiscard]] std::string html(std::string_view text, bool keeps_lines = false);

/// At most `longest` Unicode scalars of valid UTF-8; what is cut ends in `…`.
[[nodiscard]] std::string cut(std::string_view text, std::size_t longest);
[[nodiscard]] std::size_t scalars(std::string_view utf8) noexcept;

[[nodiscard]] std::string human_bytes(std::uint64_t n);   ///< `0 B`, `1.5 MiB`
[[nodiscard]] std::string human_seconds(double seconds);  ///< `12 ms`, `1.42 s`

}  // namespace lazaret::report
