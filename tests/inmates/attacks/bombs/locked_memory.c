// what: locks memory so that the host can't reclaim it (mlock(2), mlockall(2), SHM_LOCK; RLIMIT_MEMLOCK)
// expect: exited 0
// stdout: refused
// with: memory=64M, wall=10s
#include <sys/ipc.h>
#include <sys/shm.h>
#include "bomb.h"

int main(void) {
  const size_t size = 8 << 20;
  void* block = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mlock(block, size) == 0) unlimited("locked MiB", 8);
  if (mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != MAP_FAILED)
    unlimited("MiB mapped locked", 8);
  int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
  if (id >= 0 && shmctl(id, SHM_LOCK, 0) == 0) unlimited("MiB of a locked segment", 8);
  if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0 &&
      mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
    unlimited("MiB by mlockall", 8);
  refused("lock", 1);
  return 0;
}
