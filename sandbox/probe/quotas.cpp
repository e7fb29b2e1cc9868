#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <vector>

#include "sandbox/probe/probe.hpp"

namespace lazaret::probe {

breach exceed_pids(const expectations& jail) {
  const auto limit = jail.number("pids");
  std::vector<pid_t> children;
  int error = 0;
  while (children.size() < limit + 4) {
    const pid_t child = ::fork();
    if (child < 0) {
      error = errno;
      break;
    }
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
    children.push_back(child);
  }
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  if (error == EAGAIN && children.size() < limit) return {};
  return "made " + std::to_string(children.size()) + " children, where " + std::to_string(limit) + " is the limit";
}

namespace {
std::size_t too_much = 0;
}

breach exceed_memory(const expectations& jail) {
  too_much = 2 * jail.number("memory");
  const int how = in_child([] {
    auto* const area =
        static_cast<char*>(::mmap(nullptr, too_much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (area == MAP_FAILED) return 1;
    for (std::size_t at = 0; at < too_much; at += 4096) const_cast<volatile char*>(area)[at] = 1;
    return 0;
  });
  if (how == -SIGKILL) return {};
  return how == 0 ? "used " + std::to_string(too_much >> 20) + " MiB" : because("mmap");
}

/// Busy for longer than the quota of one period. Whether the quota was what slowed it down is seen from outside.
breach exceed_cpu(const expectations& jail) {
  const auto wanted = static_cast<long>(jail.number("spin_ms")) * 1'000'000;
  timespec used{};
  do ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  while (used.tv_sec == 0 && used.tv_nsec < wanted);
  return {};
}

}  // namespace lazaret::probe
