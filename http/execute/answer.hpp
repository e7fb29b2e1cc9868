#pragma once
/// How an execution is told to whoever asked for it.

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "actors/interactive/execution.hpp"

namespace lazaret::http {

/// Everything of POST /v1/execute's answer but what the program printed.
[[nodiscard]] boost::json::object describe_execution(const actors::execution_answer& done);
/// Nothing was run: what the request asked for could not be had. Names the field; `paths` are those of its files.
[[nodiscard]] std::string describe_refusal(const actors::execution_answer& done, const std::vector<std::string>& paths);

}  // namespace lazaret::http
