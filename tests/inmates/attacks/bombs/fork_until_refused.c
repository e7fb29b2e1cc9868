// what: forks without end; the pids limit must refuse, and the wall clock must end it
// expect: wall_timeout
// with: pids=20, wall=1s
#include <unistd.h>

int main(void) {
  for (;;) fork();
}
