#pragma once
/// How Python would show a JSON value: what jsonschema's messages are made of. Pure.

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace lazaret::http::snekbox {

/// repr(json.loads(text)) (Python Language Reference, 2.4; PyUnicode_Type.tp_repr; float_repr_style `short`).
/// Characters that Python doesn't print are escaped by a table of the common ones, not by the whole Unicode database.
[[nodiscard]] std::string python_repr(const boost::json::value& value);
[[nodiscard]] std::string python_repr(std::string_view utf8);

/// The class of the OSError that Python raises for an errno (PEP 3151), e.g. `IsADirectoryError`; else `OSError`.
[[nodiscard]] std::string_view python_error_name(int error) noexcept;

}  // namespace lazaret::http::snekbox
