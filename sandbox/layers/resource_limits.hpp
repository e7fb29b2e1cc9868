#pragma once
/// Layer `rlimits`: what the kernel refuses to one process, whoever counts them together (setrlimit(2)). Where a host
/// has no cgroup to give, these are all there is.

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

/// For this process and its children; soft = hard, so that a program can only lower them.
[[nodiscard]] result<void> set_resource_limits(const limits& what);

}  // namespace lazaret::sandbox
