#pragma once
/// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.

#include <cstddef>
#include <string_view>

namespace lazaret::sandbox {

/// Length of the valid sequence that `text`, which is not empty, starts with; 0 when there is none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text) noexcept;
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace lazaret::sandbox
