#pragma once
/// Text as content of HTML or XML. Pure; any thread.

#include <string>
#include <string_view>

namespace lazaret::actors {

/// `& < > " '` as character references: safe as content and inside a quoted attribute.
[[nodiscard]] std::string escape_markup(std::string_view text);

}  // namespace lazaret::actors
