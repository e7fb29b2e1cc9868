#pragma once
/// The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): a client that does not know whether its
/// request arrived sends it again with the same key, and gets what the first one made. Pure.

#include <boost/json/value.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "actors/store/store.hpp"
#include "http/message.hpp"
#include "http/validate.hpp"

namespace lazaret::http {

inline constexpr std::size_t longest_idempotency_key = 255;

/// What the client wrote, 1 to 255 visible ASCII characters: `"..."` as a string of RFC 8941 (section 3.3.3), or bare,
/// then without `"`, `\`, `,` and `;`. Both forms are the same key. Nothing for anything else.
[[nodiscard]] std::optional<std::string> read_key_text(std::string_view header);

/// What the store is asked with; nothing when the request has no such header, a complaint (400) when it came twice or
/// is no key. The key that the store sees is a digest of the method, the path, whose key it is and the key: who has no
/// part in that, does not meet it. Whose: of the API key or token that let the request in, else of the client's
/// address. `canonical`: what was asked for, in pieces, in one form for all ways of writing it; their borders count.
[[nodiscard]] checked<std::optional<durable::idempotency>> read_idempotency_key(
    const request& r, std::span<const std::string_view> canonical);

/// The value with the fields of all its objects in the order of their names, and without a space.
[[nodiscard]] std::string canonical_json(const boost::json::value& value);

}  // namespace lazaret::http
