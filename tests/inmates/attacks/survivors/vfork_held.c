// what: parents that wait in vfork(2), uninterruptible but for a kill, for children that never go on
// expect: wall_timeout
// with: wall=1s, pids=30
#include <unistd.h>

int main(void) {
  for (volatile int depth = 0; depth < 8; ++depth)
    if (vfork() != 0) break;
  for (;;) pause();
}
