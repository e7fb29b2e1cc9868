#pragma once
/// Text of a package or of a stranger's server on the way to a person's terminal.

#include <string>
#include <string_view>

namespace lazaret::client {

/// Makes it harmless: control characters (escape sequences, carriage returns, C1) and the Unicode marks that reorder or
/// hide text become visible `\xNN` / `\u{NNNN}`. A line break stays one only when `lines` is true; invalid UTF-8 is
/// escaped.
[[nodiscard]] std::string neutral(std::string_view text, bool lines = false);

}  // namespace lazaret::client
