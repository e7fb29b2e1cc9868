#pragma once
/// What a client of POST /run reads (compat/quartermaster.md). Pure.

#include <string>
#include <vector>

#include "actors/interactive/execution.hpp"
#include "http/message.hpp"

namespace lazaret::http::quartermaster {

/// The program's own; 128 and the signal that killed it, as a shell says; 137 out of memory; -1 on time-out.
[[nodiscard]] int exit_code(const sandbox::outcome& how);

/// `names`: of the files as the client wrote them, `paths`: as they were read.
[[nodiscard]] response render(const actors::execution_answer& done, const std::vector<std::string>& names,
                              const std::vector<std::string>& paths);

}  // namespace lazaret::http::quartermaster
