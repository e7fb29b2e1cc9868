#pragma once
/// The jail of `/run` (compat/quartermaster.md): the preset `quartermaster`, a runtime's row, and what the request
/// says.

#include <string_view>

#include "actors/interactive/execution.hpp"
#include "http/config.hpp"
#include "http/quartermaster/body.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http::quartermaster {

/// Where the program finds its files and may write.
inline constexpr const char* workspace = "/workspace";

/// Takes code and files out of `asked`. `which` is installed.
[[nodiscard]] actors::execution_request make_execution(run_request&& asked, const sandbox::runtime& which,
                                                       const sandbox::installed_runtimes& runtimes,
                                                       const config& settings);

}  // namespace lazaret::http::quartermaster
