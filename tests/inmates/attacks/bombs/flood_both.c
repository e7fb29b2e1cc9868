// what: writes to stdout and stderr as fast as it can, in blocks of all sizes
// expect: output_limit
// with: output=64k, wall=10s, cpu=8s, memory=32M
#include "bomb.h"

int main(void) {
  static char block[65536];
  for (unsigned n = 1; n < 1u << 20; ++n) (void)!write(1 + (int)(n & 1), block, n * 7919 % sizeof block);
  unlimited("writes", 1 << 20);
}
