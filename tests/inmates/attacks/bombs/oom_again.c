// what: has one child after another killed for memory and outlives them all, to have the kernel busy with choosing
// expect: wall_timeout | cpu_timeout | out_of_memory
// with: memory=32M, wall=2s, cpu=4s
#include "bomb.h"

int main(void) {
  for (;;) {
    pid_t child = fork();
    if (child == 0)
      for (;;) {
        char* block = malloc(1 << 20);
        if (block) memset(block, 1, 1 << 20);
      }
    waitpid(child, 0, 0);
  }
}
