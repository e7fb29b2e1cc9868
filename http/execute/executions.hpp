#pragma once
/// The asynchronous form of POST /v1/execute: what was accepted is on disk, outlives its request and the service, and
/// is asked for by its id. It runs on the stage `batch`, in a line with the jobs.

#include <boost/json/object.hpp>
#include <string_view>

#include "http/site.hpp"
#include "http/validate.hpp"

namespace lazaret::http {

/// How the client wants its answer.
struct execution_manner {
  bool later = false;      ///< 202 and an id, instead of waiting for the end
  bool preferred = false;  ///< it was the header that said so
};
/// Takes the field `async` out of the body; where there is none, `Prefer: respond-async` decides (RFC 7240, section
/// 4.1).
[[nodiscard]] checked<execution_manner> take_manner(boost::json::object& body, std::string_view prefer);

/// Writes a request whose body was found right to disk, then answers 202, or why it can't be taken.
void accept_execution(const site& s, const request& r, execution_manner manner, respond answer);

response show_execution(const site& s, const request& r);
void cancel_execution(const site& s, const request& r, respond answer);

/// The name of this front end at batch::desk.
inline constexpr std::string_view executions_front = "execute";

}  // namespace lazaret::http
