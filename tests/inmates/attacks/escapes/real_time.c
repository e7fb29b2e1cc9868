// what: takes the processors by real-time and deadline scheduling, by nice and by I/O classes (sched(7))
// expect: exited 0
// stdout: contained
#include <sched.h>
#include <sys/resource.h>

#include "attempt.h"

int main(void) {
  struct sched_param first = {.sched_priority = 1};
  struct {
    unsigned size, policy;
    unsigned long long flags;
    int nice;
    unsigned priority;
    unsigned long long runtime, deadline, period;
  } edf = {48, 6, 0, 0, 0, 9000000, 10000000, 10000000};
  attempt(sched_setscheduler(0, SCHED_FIFO, &first) == 0, "SCHED_FIFO");
  attempt(sched_setscheduler(0, SCHED_RR, &first) == 0, "SCHED_RR");
  attempt(syscall(SYS_sched_setattr, 0, &edf, 0) == 0, "SCHED_DEADLINE");
  attempt(setpriority(PRIO_PROCESS, 0, -20) == 0, "nice -20");
  attempt(syscall(SYS_ioprio_set, 1, 0, 1 << 13) == 0, "the real-time I/O class");
  struct sched_param none = {0};
  attempt(sched_setscheduler(1, SCHED_IDLE, &none) == 0, "init made idle");
  attempt(setpriority(PRIO_USER, 0, 19) == 0, "root's processes made nice");
  return contained();
}
