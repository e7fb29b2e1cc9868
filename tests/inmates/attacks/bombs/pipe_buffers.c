// what: fills the buffers of as many pipes as there are descriptors, each made as large as may be (F_SETPIPE_SZ)
// expect: exited 0 | out_of_memory
// with: memory=48M, wall=10s
#include "bomb.h"

int main(void) {
  static char block[1 << 20];
  long filled = 0;
  for (long n = 1; n <= 4000; ++n) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0) {
      refused("pipe", n);
      return filled > 64 << 20 ? 1 : 0;
    }
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    for (ssize_t wrote = 0; (wrote = write(ends[1], block, sizeof block)) > 0;) filled += wrote;
  }
  unlimited("pipes", 4000);
}
