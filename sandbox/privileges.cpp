#include "sandbox/privileges.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace lazaret::sandbox {
namespace {

result<void> limit(__rlimit_resource which, rlim_t soft, rlim_t hard, const char* name) {
  const rlimit value{soft, hard};
  if (::setrlimit(which, &value) != 0)
    return os_failure("resource_limits", std::string{name} + "=" + std::to_string(hard),
                      "above the jailer's own hard limit?");
  return {};
}

}  // namespace

result<void> become_inside_user(bool clear_groups) {
  // Raw calls: glibc's wrappers synchronise threads, of which a cloned child has none.
  if (clear_groups && ::syscall(SYS_setgroups, 0, nullptr) != 0) return os_failure("become_user", "setgroups");
  if (::syscall(SYS_setresgid, inside_id, inside_id, inside_id) != 0) return os_failure("become_user", "setresgid");
  if (::syscall(SYS_setresuid, inside_id, inside_id, inside_id) != 0) return os_failure("become_user", "setresuid");
  return {};
}

result<void> drop_capabilities() {
  for (int cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap)
    if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) return os_failure("capabilities", "drop from the bounding set");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return os_failure("capabilities", "clear ambient");
  constexpr unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (::prctl(PR_SET_SECUREBITS, locked, 0, 0, 0) != 0) return os_failure("capabilities", "securebits");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return os_failure("capabilities", "capset");
  return {};
}

result<void> set_resource_limits(const limits& what) {
  // The cgroup counts all processes together; this stops one process even if nobody samples: a second more than that.
  const auto cpu = static_cast<rlim_t>(std::chrono::ceil<std::chrono::seconds>(what.cpu).count()) + 1;
  if (auto ok = limit(RLIMIT_CPU, cpu, cpu + 1, "RLIMIT_CPU"); !ok) return ok;
  if (auto ok = limit(RLIMIT_NOFILE, what.open_files, what.open_files, "RLIMIT_NOFILE"); !ok) return ok;
  if (auto ok = limit(RLIMIT_FSIZE, what.file_size.count, what.file_size.count, "RLIMIT_FSIZE"); !ok) return ok;
  if (auto ok = limit(RLIMIT_CORE, 0, 0, "RLIMIT_CORE"); !ok) return ok;
  if (auto ok = limit(RLIMIT_MEMLOCK, 64 << 10, 64 << 10, "RLIMIT_MEMLOCK"); !ok) return ok;
  if (auto ok = limit(RLIMIT_MSGQUEUE, 0, 0, "RLIMIT_MSGQUEUE"); !ok) return ok;
  if (what.address_space.count != 0)
    if (auto ok = limit(RLIMIT_AS, what.address_space.count, what.address_space.count, "RLIMIT_AS"); !ok) return ok;
  return {};
}

result<void> forbid_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os_failure("no_new_privs", "prctl");
  return {};
}

}  // namespace lazaret::sandbox
