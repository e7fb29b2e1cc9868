// what: starts processes as fast as it can to use up the pids of the namespace, not the limit
// expect: cpu_timeout | wall_timeout | out_of_memory
// with: pids=20, memory=32M, cpu=2s, wall=5s
#include "bomb.h"

int main(void) {
  signal(SIGCHLD, SIG_IGN);
  for (;;)
    if (fork() == 0) _exit(0);
}
