#pragma once
/// Writes strings that strangers chose as JSON (RFC 8259): always valid UTF-8, never a raw control character.

#include <string>
#include <string_view>

namespace lazaret::sandbox {

/// Appends `text` quoted. Each byte that is not part of valid UTF-8 (RFC 3629) becomes U+FFFD.
void append_json(std::string& out, std::string_view text);

}  // namespace lazaret::sandbox
