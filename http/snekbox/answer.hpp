#pragma once
/// What a client of snekbox reads (compat/snekbox.md). Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/interactive/execution.hpp"
#include "http/message.hpp"

namespace lazaret::http::snekbox {

/// The returncode of a program that ran.
[[nodiscard]] int return_code(const sandbox::outcome& how);

/// `{"stdout", "returncode", "files"}`. `names`: of the files as the client wrote them, `paths`: as they were read.
[[nodiscard]] response render(const actors::execution_answer& done, const std::vector<std::string>& names,
                              const std::vector<std::string>& paths);

/// There is no program result: the reason as stdout, returncode null.
[[nodiscard]] response no_result(std::string_view reason);

}  // namespace lazaret::http::snekbox
