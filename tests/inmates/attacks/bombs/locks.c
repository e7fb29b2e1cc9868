// what: takes a record lock on every other byte of a file (fcntl(2)); each is memory of the kernel's
// expect: exited 0 | out_of_memory | cpu_timeout | wall_timeout
// with: tmp=8M, memory=32M, wall=15s, cpu=6s
#include "bomb.h"

int main(void) {
  int fd = open("/tmp/locked", O_RDWR | O_CREAT, 0600);
  for (long n = 0; n < 400000; ++n) {
    struct flock one = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (n % 2 ? 800000 - n : n) * 2, .l_len = 1};
    if (fcntl(fd, F_SETLK, &one) == 0) continue;
    refused("lock", n);
    return 0;
  }
  unlimited("locks", 400000);
}
