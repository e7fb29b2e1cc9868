#include "sandbox/layers/resource_limits.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

result<void> limit(__rlimit_resource which, rlim_t soft, rlim_t hard, const char* name) {
  const rlimit value{soft, hard};
  if (::setrlimit(which, &value) != 0)
    return os_failure("resource_limits", std::string{name} + "=" + std::to_string(hard),
                      "above the jailer's own hard limit?");
  return {};
}

/// For what no policy asks for: a jailer that has less gives less.
result<void> at_most(__rlimit_resource which, rlim_t most, const char* name) {
  rlimit own{};
  if (::getrlimit(which, &own) == 0) most = std::min(most, own.rlim_max);
  return limit(which, most, most, name);
}

}  // namespace

result<void> set_resource_limits(const limits& what, lacking cgroup) {
  // The cgroup counts all processes together; this stops one process even if nobody samples: a second more than that.
  const auto cpu = static_cast<rlim_t>(std::chrono::ceil<std::chrono::seconds>(what.cpu).count()) + 1;
  LAZARET_TRY(limit(RLIMIT_CPU, cpu, cpu + 1, "RLIMIT_CPU"));
  LAZARET_TRY(limit(RLIMIT_NOFILE, what.open_files, what.open_files, "RLIMIT_NOFILE"));
  const auto file = cgroup.memory ? std::min(what.file_size.count, what.memory.count) : what.file_size.count;
  LAZARET_TRY(limit(RLIMIT_FSIZE, file, file, "RLIMIT_FSIZE"));
  // 1 and not 0, which would still start a core_pattern that is a pipe, as the host's root; 1 starts and writes nothing
  // (coredump_pipe() in fs/coredump.c). The filter lets nobody change it. A jailer that has no more than 0 has seen
  // that there is no such pipe.
  LAZARET_TRY(at_most(RLIMIT_CORE, 1, "RLIMIT_CORE"));
  // Of all processes together (signal(7)); POSIX timers count too. The kernel's default is thousands per GiB of RAM.
  LAZARET_TRY(at_most(RLIMIT_SIGPENDING, 1024, "RLIMIT_SIGPENDING"));
  LAZARET_TRY(at_most(RLIMIT_MEMLOCK, 64 << 10, "RLIMIT_MEMLOCK"));
  LAZARET_TRY(at_most(RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE"));
  if (what.address_space.count != 0)
    LAZARET_TRY(limit(RLIMIT_AS, what.address_space.count, what.address_space.count, "RLIMIT_AS"));
  // Not RLIMIT_AS: it would count what is only reserved, as the Go, Java and JavaScript runtimes do by the gigabyte.
  if (cgroup.memory) LAZARET_TRY(limit(RLIMIT_DATA, what.memory.count, what.memory.count, "RLIMIT_DATA"));
  if (cgroup.pids) LAZARET_TRY(limit(RLIMIT_NPROC, what.pids, what.pids, "RLIMIT_NPROC"));
  return {};
}

}  // namespace lazaret::sandbox
