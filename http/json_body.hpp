#pragma once
/// Reads the JSON object that a stranger sent: bounded in depth, UTF-8 only, no field twice, nothing after it.

#include <boost/json/object.hpp>
#include <string_view>
#include <variant>

#include "http/validate.hpp"

namespace lazaret::http {

/// No body of the API nests deeper than 1; the margin is for clearer complaints about the field that does.
inline constexpr std::size_t json_depth = 32;

/// A body without a type is taken for JSON, as triage's original does; a form is not.
[[nodiscard]] bool is_json(std::string_view content_type) noexcept;

[[nodiscard]] checked<boost::json::object> read_json_object(std::string_view body);

}  // namespace lazaret::http
