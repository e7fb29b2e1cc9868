#include "sandbox/layers/capabilities.hpp"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "sandbox/try.hpp"

namespace lazaret::sandbox {

result<void> bound_capabilities() {
  int cap = 0;
  while (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0) ++cap;
  // EINVAL: there is none of this number, so all were dropped (prctl(2)).
  if (errno != EINVAL || cap <= CAP_CHECKPOINT_RESTORE)
    return os_failure("capabilities", "drop " + std::to_string(cap) + " from the bounding set");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return os_failure("capabilities", "clear ambient");
  constexpr unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (::prctl(PR_SET_SECUREBITS, locked, 0, 0, 0) != 0) return os_failure("capabilities", "securebits");
  return {};
}

result<void> renounce_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return os_failure("capabilities", "capset");
  return {};
}

result<void> drop_capabilities() {
  LAZARET_TRY(bound_capabilities());
  return renounce_capabilities();
}

}  // namespace lazaret::sandbox
