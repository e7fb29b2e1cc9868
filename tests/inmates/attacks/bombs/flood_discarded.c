// what: writes without end where output over the cap is dropped: nobody may wait for it, and the wall clock ends it
// expect: wall_timeout | cpu_timeout
// with: wall=1s, cpu=3s, memory=32M
#include "bomb.h"

int main(void) {
  static char block[65536];
  for (;;) (void)!write(1, block, sizeof block);
}
