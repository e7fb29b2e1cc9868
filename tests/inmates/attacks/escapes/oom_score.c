// what: makes itself the last that the OOM killer takes, or its init the first (proc_pid_oom_score_adj(5))
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"/proc/1/oom_score_adj", "/proc/1/oom_adj", "/proc/1/coredump_filter",
                                      "/proc/1/timerslack_ns", "/proc/1/comm",    "/proc/1/sched",
                                      "/proc/1/loginuid"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n)
    attempt(open(files[n], O_WRONLY | O_CLOEXEC) >= 0, files[n]);
  return contained();
}
