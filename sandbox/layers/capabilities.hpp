#pragma once
/// Layer `capabilities`: nothing of root's power is left, in any of the five sets, and no exec can bring it back
/// (capabilities(7)). Though the user namespace confines what a capability reaches, holding one opens the kernel code
/// behind it, where most local exploits of the last years began.

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// Empties the bounding, ambient, effective, permitted and inheritable sets, and locks the securebits so that neither
/// uid 0 nor a set-user-id file means anything. Needs CAP_SETPCAP; single-threaded.
[[nodiscard]] result<void> drop_capabilities();

/// The same in two: what no exec will ever have, which leaves this process what it has; and then that.
[[nodiscard]] result<void> bound_capabilities();
[[nodiscard]] result<void> renounce_capabilities();

}  // namespace lazaret::sandbox
