// what: makes POSIX timers until refused (timer_create(2), EAGAIN by RLIMIT_SIGPENDING), all ringing at once
// expect: exited 0
// stdout: refused
// with: memory=64M, wall=10s, cpu=8s
#include <time.h>
#include "bomb.h"

int main(void) {
  signal(SIGRTMIN, SIG_IGN);
  for (long n = 1; n <= 50000; ++n) {
    struct sigevent ring = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec soon = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &ring, &timer) != 0) {
      refused("timer", n);
      return 0;
    }
    timer_settime(timer, 0, &soon, 0);
  }
  unlimited("timers", 50000);
}
