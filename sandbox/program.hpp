#pragma once
/// The very last step of a jail: from our code to the program. Runs in the process that becomes it.

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

/// execve(2) of argv[0]. A name without a slash is looked for as execvp(3) does it, but in the policy's own PATH,
/// inside the jail, and never by way of a shell. Returns only if it fails: ENOENT when there is no such program, else
/// why the kernel would not run it.
[[nodiscard]] result<void> execute(const policy& what);

}  // namespace lazaret::sandbox
