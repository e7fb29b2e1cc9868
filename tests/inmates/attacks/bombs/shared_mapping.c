// what: touches shared anonymous memory, which is a tmpfs file of the kernel's own (shmem), from several processes
// expect: out_of_memory
// with: memory=48M, wall=10s
#include "bomb.h"

int main(void) {
  const size_t size = 512UL << 20;
  char* all = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return 2;
  int child = fork() == 0;
  for (size_t at = child ? size / 2 : 0; at < size; at += 4096) all[at] = 1;
  if (child) _exit(0);
  int how = 0;
  wait(&how);
  if (WIFSIGNALED(how)) raise(SIGKILL);  // the child was taken in our place
  unlimited("MiB", 512);
}
