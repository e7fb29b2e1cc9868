// what: counts and samples with perf (perf_event_open(2), CVE-2013-2094)
// expect: exited 0
// stdout: contained
#include <linux/perf_event.h>

#include "attempt.h"

int main(void) {
  struct perf_event_attr what = {.type = PERF_TYPE_SOFTWARE, .size = sizeof what, .config = PERF_COUNT_SW_CPU_CLOCK};
  what.exclude_kernel = 1;
  attempt(syscall(SYS_perf_event_open, &what, 0, -1, -1, 0UL) >= 0, "of itself");
  attempt(syscall(SYS_perf_event_open, &what, -1, 0, -1, 0UL) >= 0, "of a processor");
  return contained();
}
