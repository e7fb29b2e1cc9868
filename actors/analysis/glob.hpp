#pragma once
/// Globs as the rules use them: ASCII case is folded, `*` is any run of characters, `?` one.

#include <span>
#include <string_view>

namespace lazaret::analysis {

using patterns = std::span<const std::string_view>;

/// As one of `patterns`: a host, HOST:PORT or URL of the jail's own loopback. Not a wildcard, since `127.*` would fit
/// 127.evil.example too.
inline constexpr std::string_view loopback = "@loopback";

/// Linear in text for each `*`, never exponential.
[[nodiscard]] bool fits(std::string_view pattern, std::string_view text) noexcept;
[[nodiscard]] bool fits_any(patterns any_of, std::string_view text);

}  // namespace lazaret::analysis
