#include "sandbox/layers/user.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace lazaret::sandbox {

result<void> become_inside_user(bool clear_groups) {
  // Raw calls: glibc's wrappers synchronise threads, of which a cloned child has none.
  if (clear_groups && ::syscall(SYS_setgroups, 0, nullptr) != 0) return os_failure("become_user", "setgroups");
  if (::syscall(SYS_setresgid, inside_id, inside_id, inside_id) != 0) return os_failure("become_user", "setresgid");
  if (::syscall(SYS_setresuid, inside_id, inside_id, inside_id) != 0) return os_failure("become_user", "setresuid");
  return {};
}

}  // namespace lazaret::sandbox
