// what: attaches and touches System V segments and leaves them behind (shmget(2)): they outlive processes
// expect: out_of_memory
// with: memory=48M, wall=10s
#include <sys/ipc.h>
#include <sys/shm.h>
#include "bomb.h"

int main(void) {
  for (long n = 1; n <= 64; ++n) {
    int id = shmget(IPC_PRIVATE, 8 << 20, IPC_CREAT | 0600);
    if (id < 0) {
      refused("segment", n);
      return 3;
    }
    char* where = shmat(id, 0, 0);
    if (where == (char*)-1) return 4;
    memset(where, 1, 8 << 20);
    shmdt(where);
  }
  unlimited("MiB", 512);
}
