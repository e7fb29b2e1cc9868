#include "sandbox/layers/cgroup_entry.hpp"

#include <sched.h>

namespace lazaret::sandbox {

result<void> enter_cgroup(const cgroup* group) {
  if (group == nullptr) return {};
  if (const int error = group->attach_self(); error != 0) return failure{"cgroup", error, "enter", {}};
  return {};
}

result<void> hide_cgroup_path() {
  if (::unshare(CLONE_NEWCGROUP) != 0) return os_failure("namespaces", "unshare cgroup");
  return {};
}

}  // namespace lazaret::sandbox
