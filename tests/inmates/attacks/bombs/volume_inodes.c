// what: makes empty files on a volume until there is no inode left (tmpfs(5), nr_inodes)
// expect: exited 0
// stdout: refused
// with: volume, memory=64M, wall=10s
#include "bomb.h"

int main(void) {
  for (long n = 1; n <= 20000; ++n) {
    char name[64];
    sprintf(name, "/volume/%ld", n);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
      refused("file", n);
      return errno == ENOSPC ? 0 : 2;
    }
    close(fd);
  }
  unlimited("files", 20000);
}
