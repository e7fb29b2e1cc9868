#pragma once
/// Layer `rlimits`: what the kernel refuses to one process, whoever counts them together (setrlimit(2)). Where a host
/// has no cgroup to give, these are all there is.

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

/// The cgroup controllers that this host lacks. What stands in for them is weaker, and says so:
/// - pids: RLIMIT_NPROC, which counts the processes and threads of one uid in one user namespace since Linux 5.14
///   (21d1c5e386bc), so those of this jail. That it was reached is not told to anybody.
/// - memory: RLIMIT_DATA, private writable memory of *each* process, and a file no larger than that, for memfd and
/// tmpfs
///   are memory. A program is refused memory (ENOMEM), not killed; the sum of several is only sampled (sampler.hpp);
///   what is written to the jail's tmpfs counts against nothing but their sizes.
struct lacking {
  bool memory = false, pids = false;
};

/// For this process and its children; soft = hard, so that a program can only lower them.
[[nodiscard]] result<void> set_resource_limits(const limits& what, lacking cgroup);

}  // namespace lazaret::sandbox
