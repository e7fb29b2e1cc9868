// what: makes device nodes: the host's disk, its memory, an overlay's whiteout (mknod(2))
// expect: exited 0
// stdout: contained
// with: volume, tmp=1M
#include <sys/sysmacros.h>

#include "attempt.h"

int main(void) {
  static const unsigned devices[][2] = {{1, 1}, {1, 3}, {8, 0}, {254, 0}, {253, 0}, {10, 200}, {0, 0}, {5, 0}};
  for (unsigned n = 0; n < sizeof devices / sizeof *devices; ++n) {
    dev_t device = makedev(devices[n][0], devices[n][1]);
    attempt(mknod("/volume/node", S_IFCHR | 0666, device) == 0, "a character device");
    attempt(mknod("/volume/node", S_IFBLK | 0666, device) == 0, "a block device");
    attempt(mknodat(AT_FDCWD, "/tmp/node", S_IFCHR | 0666, device) == 0, "in /tmp");
  }
  return contained();
}
