// what: opens files, event counters, timers and signal descriptors until refused, in eight processes (RLIMIT_NOFILE)
// expect: exited 0
// stdout: refused
// with: memory=64M, wall=10s
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include "bomb.h"

int main(void) {
  for (int i = 0; i < 7; ++i)
    if (fork() == 0) break;
  sigset_t set;
  sigemptyset(&set);
  for (long n = 1; n <= 100000; ++n) {
    int fd = n % 4 == 0   ? open("/dev/null", O_RDONLY)
             : n % 4 == 1 ? eventfd(0, 0)
             : n % 4 == 2 ? timerfd_create(CLOCK_MONOTONIC, 0)
                          : signalfd(-1, &set, 0);
    if (fd >= 0) continue;
    refused("descriptor", n);
    while (wait(0) > 0) continue;
    return n <= 1024 ? 0 : 2;
  }
  unlimited("descriptors", 100000);
}
