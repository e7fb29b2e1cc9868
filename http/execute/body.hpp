#pragma once
/// What a client of POST /v1/execute says, and the jail that it gets. Pure; the input is hostile.

#include <boost/json/object.hpp>
#include <string_view>

#include "actors/interactive/execution.hpp"
#include "http/config.hpp"
#include "http/validate.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http {

/// A complaint names the field and the reason; unknown fields are refused.
[[nodiscard]] checked<actors::execution_request> read_execution(std::string_view body, const config& settings,
                                                                const sandbox::installed_runtimes& runtimes);
[[nodiscard]] checked<actors::execution_request> read_execution(const boost::json::object& body, const config& settings,
                                                                const sandbox::installed_runtimes& runtimes);

}  // namespace lazaret::http
