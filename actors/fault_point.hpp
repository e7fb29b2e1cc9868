#pragma once
/// Places where a test ends the process with SIGKILL, as a power cut would end it: crash-only software is tested by
/// crashing it (Candea & Fox, 2003). Compiled into the presets `debug` and `asan` (LAZARET_FAULT_POINTS); elsewhere a
/// fault point is nothing at all. `lazaretd --fault-points` lists them; tests/integration/test_fault_points.py dies at
/// each of them and asks for what was accepted.
///
/// LAZARET_DIE_AT=NAME ends the process at that place, NAME:3 when it comes there for the third time. Thread-safe.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace lazaret::actors {

/// STAGE.MOMENT, in the order in which a run and a job meet them.
inline constexpr std::array<std::string_view, 0> fault_points{};

#ifdef LAZARET_FAULT_POINTS
void pass_fault_point(std::size_t index) noexcept;

/// No constant expression, and so an error of the compiler, for a name that the list has not.
consteval std::size_t fault_point(std::string_view name) {
  const auto* const at = std::find(fault_points.begin(), fault_points.end(), name);
  if (at == fault_points.end()) throw "no such fault point";
  return static_cast<std::size_t>(at - fault_points.begin());
}
#define LAZARET_FAULT_POINT(name) ::lazaret::actors::pass_fault_point(::lazaret::actors::fault_point(name))
#else
#define LAZARET_FAULT_POINT(name) static_cast<void>(0)
#endif

}  // namespace lazaret::actors
