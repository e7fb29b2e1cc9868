// what: makes directories inside one another until refused, by name relative to where it stands; whoever cleans up must
// expect: exited 0
// stdout: refused
// with: volume, memory=64M, wall=10s
#include "bomb.h"

int main(void) {
  if (chdir("/volume") != 0) return 2;
  for (long depth = 1; depth <= 50000; ++depth)
    if (mkdir("d", 0700) != 0 || chdir("d") != 0) {
      refused("directory", depth);
      return 0;
    }
  unlimited("directories deep", 50000);
}
