// what: splits its address space into as many mappings as it can (vm.max_map_count), in ten processes at once
// expect: exited 0 | out_of_memory
// with: memory=96M, wall=15s
#include "bomb.h"

int main(void) {
  for (int i = 0; i < 9; ++i)
    if (fork() == 0) break;
  const long pages = 200000;
  char* all = mmap(0, (size_t)pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return 2;
  for (long n = 1; n < pages; n += 2)
    if (mprotect(all + n * 4096, 4096, PROT_READ) != 0) {
      refused("mapping", n);
      while (wait(0) > 0) continue;
      return 0;
    }
  unlimited("mappings", pages);
}
