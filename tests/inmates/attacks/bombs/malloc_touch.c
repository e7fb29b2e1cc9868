// what: touches anonymous memory without end
// expect: out_of_memory
// with: memory=48M, wall=10s
#include "bomb.h"

int main(void) {
  for (long n = 0; n < 512; ++n) {
    char* block = malloc(1 << 20);
    if (block) memset(block, 1, 1 << 20);
  }
  unlimited("MiB", 512);
}
