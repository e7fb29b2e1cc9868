#pragma once
/// How an execution is told to whoever asked for it.

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "actors/interactive/execution.hpp"

namespace lazaret::http {

/// The answer of POST /v1/execute, at once or later.
[[nodiscard]] boost::json::object describe_execution(const actors::execution_answer& done);

struct refusal_text {
  int status = 422;
  std::string detail;
};
/// Nothing was run: what the request asked for could not be had. Names the field; `paths` are those of its own files.
[[nodiscard]] refusal_text describe_refusal(const actors::execution_answer& done,
                                            const std::vector<std::string>& paths);
/// Those of the request's files that are its client's, in the client's order.
[[nodiscard]] std::vector<std::string> own_paths(const actors::execution_request& what);
/// Or describe_refusal() says why not.
[[nodiscard]] bool has_run(const actors::execution_answer& done);

}  // namespace lazaret::http
