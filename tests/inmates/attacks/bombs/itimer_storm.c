// what: has three clocks ring a microsecond apart and does nothing but answer (setitimer(2))
// expect: cpu_timeout | wall_timeout
// with: cpu=1s, wall=3s, memory=32M
#include <sys/time.h>
#include "bomb.h"

static void ring(int signal) { (void)signal; }

int main(void) {
  struct itimerval soon = {{0, 1}, {0, 1}};
  const int clocks[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}, rings[] = {SIGALRM, SIGVTALRM, SIGPROF};
  for (int i = 0; i < 3; ++i) signal(rings[i], ring), setitimer(clocks[i], &soon, 0);
  for (;;) continue;
}
