#include "sandbox/layers/no_new_privs.hpp"

#include <sys/prctl.h>

namespace lazaret::sandbox {

result<void> forbid_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os_failure("no_new_privs", "prctl");
  return {};
}

}  // namespace lazaret::sandbox
