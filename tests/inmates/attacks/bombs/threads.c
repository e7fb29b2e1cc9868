// what: starts threads until refused; threads count as processes (cgroups(7), pids)
// expect: exited 0
// stdout: refused
// with: pids=60, memory=64M, wall=10s
#include <pthread.h>
#include "bomb.h"

static void* sleep_on(void* unused) {
  for (;;) pause();
  return unused;
}

int main(void) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  for (long n = 1; n <= 5000; ++n) {
    pthread_t one;
    if ((errno = pthread_create(&one, &small, sleep_on, 0)) != 0) {
      refused("thread", n);
      return n < 60 ? 0 : 1;
    }
  }
  unlimited("threads", 5000);
}
