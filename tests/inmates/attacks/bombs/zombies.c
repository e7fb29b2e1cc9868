// what: leaves children unwaited for until their pids are all taken (wait(2)); nobody else's may be
// expect: exited 0
// stdout: refused
// with: pids=40, memory=32M, wall=10s
#include "bomb.h"

int main(void) {
  for (long n = 1; n <= 5000; ++n) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child > 0) continue;
    refused("zombie", n);
    return 0;
  }
  unlimited("zombies", 5000);
}
