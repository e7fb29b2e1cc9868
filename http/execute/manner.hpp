#pragma once
/// How a client of POST /v1/execute wants its answer: at once or later. Pure; the input is hostile.

#include <boost/json/object.hpp>
#include <string_view>

#include "http/validate.hpp"

namespace lazaret::http {

struct execution_manner {
  bool later = false;      ///< 202 and an id, instead of waiting for the end
  bool preferred = false;  ///< it was the header that said so
};

/// Takes the field `async` out of the body. Where there is none, the header `Prefer` decides: `respond-async` (RFC
/// 7240, section 4.1).
[[nodiscard]] checked<execution_manner> take_manner(boost::json::object& body, std::string_view prefer);

}  // namespace lazaret::http
