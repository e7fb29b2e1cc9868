#pragma once
/// The jail of `/run` (compat/quartermaster.md): the preset `quartermaster`, a runtime's row, and what the request
/// says.

#include <string_view>

#include "actors/interactive/execution.hpp"
#include "actors/prebuild/shelf.hpp"
#include "http/config.hpp"
#include "http/quartermaster/body.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http::quartermaster {

/// Where the program finds its files and may write.
inline constexpr const char* workspace = "/workspace";

/// Where a request's image leads: a runtime that is installed, and perhaps a prebuild on top of it.
struct image {
  const sandbox::runtime* runtime = nullptr;
  prebuild::layer_ptr tree;
};

/// Takes code and files out of `asked`.
[[nodiscard]] actors::execution_request make_execution(run_request&& asked, const image& from,
                                                       const sandbox::installed_runtimes& runtimes,
                                                       const config& settings);

}  // namespace lazaret::http::quartermaster
