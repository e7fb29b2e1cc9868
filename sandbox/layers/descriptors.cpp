#include "sandbox/layers/descriptors.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lazaret::sandbox {

result<void> keep_own_descriptors(const own_descriptors& own) {
  if (::dup2(own.standard_input, 0) < 0 || ::dup2(own.standard_output, 1) < 0 || ::dup2(own.standard_error, 2) < 0 ||
      ::dup3(own.status, status_fd, O_CLOEXEC) < 0)
    return os_failure("descriptors", "dup2");
  const bool has_terminal = own.terminal >= 0;
  if (has_terminal && ::dup3(own.terminal, terminal_fd, O_CLOEXEC) < 0) return os_failure("descriptors", "dup3");
  if (::syscall(SYS_close_range, (has_terminal ? terminal_fd : status_fd) + 1, ~0U, 0) != 0)
    return os_failure("descriptors", "close_range", "needs Linux 5.9");
  return {};
}

}  // namespace lazaret::sandbox
