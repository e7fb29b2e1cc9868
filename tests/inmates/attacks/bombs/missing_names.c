// what: asks for files that are not there, each by a new name: the kernel remembers what it did not find (dentries)
// expect: cpu_timeout | out_of_memory | wall_timeout
// with: cpu=2s, wall=10s, memory=32M
#include "bomb.h"

int main(void) {
  for (unsigned long n = 0;; ++n) {
    char name[64];
    sprintf(name, "/usr/lib/%lu/not-there", n);
    access(name, F_OK);
    sprintf(name, "/%lu", n);
    access(name, F_OK);
  }
}
