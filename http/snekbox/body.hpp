#pragma once
/// What a client of snekbox says (compat/snekbox.md): its JSON, checked as jsonschema would check it and refused in its
/// words. Pure; the input is hostile.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/interactive/execution.hpp"

namespace lazaret::http::snekbox {

struct eval_request {
  std::vector<std::string> arguments;         ///< of the interpreter; may hold NUL
  std::vector<actors::execution_file> files;  ///< paths normalised; one that names the root itself is empty
  std::vector<std::string> names;             ///< of the files, as the client wrote them
  std::string executable;                     ///< empty: the default
};

/// 400 with these two; a description that is empty is left out.
struct eval_problem {
  std::string title, description;
};

[[nodiscard]] std::variant<eval_request, eval_problem> read_eval(std::string_view body);

}  // namespace lazaret::http::snekbox
