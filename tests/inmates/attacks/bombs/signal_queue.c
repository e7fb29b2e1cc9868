// what: queues signals to itself that it never takes, in several processes (sigqueue(3), EAGAIN by RLIMIT_SIGPENDING)
// expect: exited 0
// stdout: refused
// with: memory=64M, wall=10s
#include "bomb.h"

int main(void) {
  for (int i = 0; i < 3; ++i)
    if (fork() == 0) break;
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, 0);
  for (long n = 1; n <= 200000; ++n) {
    union sigval value = {0};
    if (sigqueue(getpid(), SIGRTMIN + 3, value) == 0) continue;
    refused("signal", n);
    while (wait(0) > 0) continue;
    return 0;
  }
  unlimited("queued signals", 200000);
}
