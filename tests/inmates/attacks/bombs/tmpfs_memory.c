// what: fills a /tmp that is larger than the jail's memory: its pages are the jail's
// expect: out_of_memory
// with: tmp=512M, memory=48M, wall=10s
#include "bomb.h"

int main(void) {
  static char block[1 << 20];
  memset(block, 1, sizeof block);
  int fd = open("/tmp/hoard", O_WRONLY | O_CREAT, 0600);
  for (long n = 0; n < 500; ++n)
    if (write(fd, block, sizeof block) < (ssize_t)sizeof block) return 2;
  unlimited("MiB", 500);
}
