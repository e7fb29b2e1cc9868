#include "sandbox/layers/init.hpp"

#include <poll.h>
#include <sys/prctl.h>

#include <csignal>

namespace lazaret::sandbox {

result<void> become_opaque() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return os_failure("opaque", "prctl");
  return {};
}

result<void> die_with_jailer(int status) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return os_failure("die_with_jailer", "prctl");
  pollfd jailer{status, 0, 0};
  if (::poll(&jailer, 1, 0) != 0) return failure{"jailer", 0, "ended during set-up", {}};
  return {};
}

}  // namespace lazaret::sandbox
