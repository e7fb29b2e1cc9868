#pragma once
/// The jail of `/run` (compat/quartermaster.md): the preset `quartermaster`, a runtime's row, and what the request
/// says.

#include <string_view>

#include "actors/interactive/execution.hpp"
#include "http/config.hpp"
#include "http/quartermaster/body.hpp"

namespace lazaret::http::quartermaster {

/// Where the program finds its files and may write, and where the run-time's SDK leaves the metadata.
inline constexpr const char* workspace = "/workspace";
inline constexpr const char* metadata_place = "/metadata";
inline constexpr const char* metadata_file = ".quartermaster_metadata.json";

/// Takes code and files out of `asked`.
[[nodiscard]] actors::execution_request make_execution(run_request&& asked, const config& settings);

}  // namespace lazaret::http::quartermaster
