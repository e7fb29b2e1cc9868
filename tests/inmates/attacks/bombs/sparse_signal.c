// what: stretches a file past RLIMIT_FSIZE, which is a signal to whoever did not expect it (setrlimit(2))
// expect: signalled 25
// with: tmp=8M, memory=64M, wall=10s
#include "bomb.h"

int main(void) {
  int fd = open("/tmp/sparse", O_RDWR | O_CREAT, 0600);
  if (ftruncate(fd, 1L << 40) == 0) unlimited("TiB", 1);
  return 2;
}
