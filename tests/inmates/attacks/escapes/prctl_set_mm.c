// what: rewrites what /proc says of it, or makes itself dumpable again in its init's stead (prctl(2))
// expect: exited 0
// stdout: contained
#include <linux/prctl.h>
#include <sys/prctl.h>

#include "attempt.h"

int main(void) {
  struct prctl_mm_map map = {0};
  attempt(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, open("/usr/bin/true", O_RDONLY), 0, 0) == 0, "PR_SET_MM_EXE_FILE");
  attempt(prctl(PR_SET_MM, PR_SET_MM_ARG_START, 0x400000, 0, 0) == 0, "PR_SET_MM_ARG_START");
  attempt(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0, "PR_SET_MM_MAP");
  attempt(prctl(PR_SET_SECCOMP, 0, 0, 0, 0) == 0, "no filter any more");
  attempt(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "PR_SET_KEEPCAPS");
  attempt(prctl(PR_TASK_PERF_EVENTS_ENABLE, 0, 0, 0, 0) == 0, "PR_TASK_PERF_EVENTS_ENABLE");
  return contained();
}
