#pragma once
/// The jail of `/eval` (compat/snekbox.md, "The jail"): the preset `snekbox`, with what the operator set.

#include <string>
#include <string_view>

#include "actors/interactive/execution.hpp"
#include "http/config.hpp"
#include "http/snekbox/body.hpp"

namespace lazaret::http::snekbox {

/// What is wrong with an executable as a jail would see it, in the contract's words; empty when nothing is. Looks at
/// the host's files that jails see, and at no others: the answer tells nothing of the rest of the host. Blocks for a
/// stat(2).
[[nodiscard]] std::string check_executable(const std::string& path, const config& settings);

/// More than a program can be started with, or than can be said to the jailer: what execve(2) would call E2BIG.
[[nodiscard]] bool is_too_long(const actors::execution_request& what);

/// `asked.executable` is empty or passed check_executable(). Takes the files out of `asked`.
[[nodiscard]] actors::execution_request make_execution(eval_request&& asked, const config& settings);

}  // namespace lazaret::http::snekbox
