#pragma once
/// RFC 4648, section 4. Pure.

#include <string>
#include <string_view>

namespace lazaret::http {

/// With its padding; line breaks are skipped, as in what base64(1) and MIME write. False when it isn't that.
[[nodiscard]] bool decode_base64(std::string_view text, std::string& into);
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace lazaret::http
