#include "sandbox/seccomp_explain.hpp"

#include "sandbox/seccomp.hpp"
#include "sandbox/seccomp_calls.hpp"

namespace lazaret::sandbox {
namespace {

std::string answer_of(std::uint32_t action) {
  switch (action) {
    case SCMP_ACT_ALLOW:
      return "allowed";
    case SCMP_ACT_ERRNO(0):
      return "succeeds, does nothing";
    case SCMP_ACT_ERRNO(ENOSYS):
      return "ENOSYS";
    case SCMP_ACT_ERRNO(EPERM):
      return "EPERM";
    default:
      return "killed";
  }
}

}  // namespace

std::vector<explained_calls> explain_calls() {
  std::vector<explained_calls> all;
  for (const call_group& group : call_groups) {
    all.push_back({group.why, answer_of(group.action), {}});
    for (const int call : group.calls)
      if (call >= 0) all.back().calls.push_back(syscall_name(call));
  }
  for (const checked_calls& group : calls_with_checked_arguments) {
    all.push_back({group.why, "allowed for some arguments", {}});
    for (const char* call : group.calls) all.back().calls.emplace_back(call);
  }
  return all;
}

}  // namespace lazaret::sandbox
