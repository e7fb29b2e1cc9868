// what: sets the clocks that all of the host shares (clock_settime(2), adjtimex(2))
// expect: exited 0
// stdout: contained
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#include "attempt.h"

int main(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct timeval same = {now.tv_sec, now.tv_nsec / 1000};
  struct timex change = {.modes = ADJ_TICK, .tick = 10000};
  attempt(clock_settime(CLOCK_REALTIME, &now) == 0, "clock_settime");
  attempt(settimeofday(&same, NULL) == 0, "settimeofday");
  attempt(adjtimex(&change) >= 0, "adjtimex");
  attempt(clock_adjtime(CLOCK_REALTIME, &change) >= 0, "clock_adjtime");
  attempt(timer_create(CLOCK_REALTIME_ALARM, NULL, &(timer_t){0}) == 0, "an alarm that wakes the machine");
  return contained();
}
