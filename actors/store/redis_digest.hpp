#pragma once
/// SHA1 in hex, which is how Redis names a script. Pure.

#include <string>
#include <string_view>

namespace lazaret::durable::redis {

[[nodiscard]] std::string sha1_hex(std::string_view text);

}  // namespace lazaret::durable::redis
