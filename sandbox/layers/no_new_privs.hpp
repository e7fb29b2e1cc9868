#pragma once
/// Layer `no_new_privs`: no exec from here on gains anything (prctl(2), PR_SET_NO_NEW_PRIVS), whatever a file's mode or
/// file capabilities say. seccomp and Landlock ask for it.

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

[[nodiscard]] result<void> forbid_new_privileges();

}  // namespace lazaret::sandbox
