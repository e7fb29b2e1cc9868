#pragma once
/// Whose jails come first while all want the processor: weights as of `docker run --cpu-shares`, among the jails of one
/// service. Alone each may use all there is. `/run` has its own, which its requests may set (512 by its contract).

#include <cstdint>

namespace lazaret::actors {

/// Of what somebody waits for.
inline constexpr std::uint32_t interactive_cpu_shares = 1024;
/// Of what nobody waits for: triage, jobs, executions that are answered later.
inline constexpr std::uint32_t batch_cpu_shares = 128;

}  // namespace lazaret::actors
