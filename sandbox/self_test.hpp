#pragma once
/// How the self-test is made and judged; jailer::self_test() is the way to run it. Pure functions, so that the
/// judgement can be tested on a probe that ran outside of any jail.

#include <string_view>
#include <vector>

#include "sandbox/layers.hpp"
#include "sandbox/outcome.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/protocol.hpp"

namespace lazaret::sandbox {

/// A jail that holds nothing but the probe, small enough that it meets every limit within a fraction of a second.
/// `probe`: the content of lazaret-probe.
[[nodiscard]] policy probe_policy(const protocol::survey_answer& host, std::string probe);

/// `said`: the probe's lines. A layer is active when the probe says so and, for the limits of a cgroup, when the kernel
/// outside counted what it stopped; else broken. One that the host can't have stays as the survey has it.
[[nodiscard]] std::vector<layer_report> judge(const protocol::survey_answer& host, std::string_view said,
                                              const outcome& how);

/// No jail could be made, for this reason: nothing that the host could have was seen to hold.
[[nodiscard]] std::vector<layer_report> not_tried(const protocol::survey_answer& host, const failure& why);

}  // namespace lazaret::sandbox
