// what: fills files that have no name and belong to no tmpfs with a size (memfd_create(2))
// expect: out_of_memory
// with: memory=48M, wall=10s
#include "bomb.h"

int main(void) {
  static char block[1 << 20];
  memset(block, 1, sizeof block);
  for (int file = 0; file < 8; ++file) {
    int fd = memfd_create("hoard", MFD_CLOEXEC);
    if (fd < 0) return 2;
    for (int n = 0; n < 64; ++n)
      if (write(fd, block, sizeof block) < 0) return 3;
  }
  unlimited("MiB", 512);
}
