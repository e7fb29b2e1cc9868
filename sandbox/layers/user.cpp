#include "sandbox/layers/user.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

result<void> become_inside_user(bool clear_groups) {
  // Raw calls: glibc's wrappers synchronise threads, of which a cloned child has none.
  if (clear_groups && ::syscall(SYS_setgroups, 0, nullptr) != 0) return os_failure("become_user", "setgroups");
  if (::syscall(SYS_setresgid, inside_id, inside_id, inside_id) != 0) return os_failure("become_user", "setresgid");
  if (::syscall(SYS_setresuid, inside_id, inside_id, inside_id) != 0) return os_failure("become_user", "setresuid");
  return {};
}

result<void> bound_namespace() {
  struct bound {
    const char* file;
    std::string_view most;
  };
  for (const auto& [file, most] :
       {bound{"/proc/sys/user/max_user_namespaces", "0"}, bound{"/proc/sys/user/max_inotify_instances", "8"},
        bound{"/proc/sys/user/max_inotify_watches", "4096"}}) {
    const unique_fd setting{::open(file, O_WRONLY | O_CLOEXEC)};
    if (!setting || ::write(setting.get(), most.data(), most.size()) < 0)
      return os_failure("bound_namespace", std::string{"write "} + file, "is /proc/sys read-only here?");
  }
  return {};
}

}  // namespace lazaret::sandbox
