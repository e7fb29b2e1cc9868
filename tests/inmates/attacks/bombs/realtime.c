// what: asks for priority over everybody: real time, deadlines, a better nice value (sched(7))
// expect: exited 0
// stdout: refused
// with: memory=32M, wall=10s
#include <sched.h>
#include <sys/syscall.h>
#include "bomb.h"

int main(void) {
  struct sched_param most = {.sched_priority = 50};
  struct {
    unsigned size, policy;
    unsigned long flags;
    int nice;
    unsigned priority;
    unsigned long runtime, deadline, period;
  } deadline = {sizeof deadline, 6, 0, 0, 0, 900000, 1000000, 1000000};
  if (sched_setscheduler(0, SCHED_FIFO, &most) == 0) unlimited("SCHED_FIFO", 1);
  if (sched_setscheduler(0, SCHED_RR, &most) == 0) unlimited("SCHED_RR", 1);
  if (syscall(SYS_sched_setattr, 0, &deadline, 0) == 0) unlimited("SCHED_DEADLINE", 1);
  if (setpriority(PRIO_PROCESS, 0, -20) == 0) unlimited("nice", -20);
  if (syscall(SYS_ioprio_set, 1, 0, 1 << 13) == 0) unlimited("real-time I/O", 1);
  refused("priority", 1);
  return 0;
}
