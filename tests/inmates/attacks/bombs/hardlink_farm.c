// what: gives one file more names than there are inodes (link(2)); each name is memory of the kernel's
// expect: exited 0
// stdout: refused
// with: volume, memory=64M, wall=10s
#include "bomb.h"

int main(void) {
  if (chdir("/volume") != 0) return 2;
  close(open("first", O_CREAT | O_WRONLY, 0600));
  for (long n = 1; n <= 50000; ++n) {
    char name[32];
    sprintf(name, "%ld", n);
    if (link("first", name) == 0) continue;
    refused("name", n);
    return 0;
  }
  unlimited("names", 50000);
}
