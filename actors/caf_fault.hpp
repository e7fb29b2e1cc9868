#pragma once
/// `fault` as a caf::error: what an actor refuses with, and how the bridge reads it back.

#include <caf/error.hpp>
#include <string>

#include "actors/fault.hpp"

namespace lazaret::actors {

[[nodiscard]] caf::error make_fault(fault why, std::string detail = {});

/// Anything that is not one of ours (a time-out, an actor that died) is fault::unavailable.
[[nodiscard]] refusal read_fault(const caf::error& e);

}  // namespace lazaret::actors
