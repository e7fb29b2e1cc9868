// what: has the kernel write to its init's memory, or read it, by futex lists and rseq (get_robust_list(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  void* list = NULL;
  size_t size = 0;
  attempt(syscall(SYS_get_robust_list, 1, &list, &size) == 0, "init's robust list");
  attempt(syscall(SYS_set_robust_list, 0xffffffff80000000UL, 24UL) == 0 &&
              syscall(SYS_get_robust_list, 0, &list, &size) != 0,
          "a list in the kernel");
  attempt(syscall(SYS_rseq, 0xffffffff80000000UL, 32, 0, 0) == 0, "rseq in the kernel");
  attempt(syscall(SYS_futex, 0xffffffff80000000UL, 0, 0, NULL, NULL, 0) == 0, "a futex in the kernel");
  attempt(syscall(SYS_read, open("/dev/zero", O_RDONLY), 0xffffffff80000000UL, 8UL) > 0, "read into the kernel");
  attempt(syscall(SYS_move_pages, 1, 0UL, NULL, NULL, NULL, 0) == 0, "init's pages");
  attempt(syscall(SYS_migrate_pages, 1, 1UL, &list, &list) == 0, "init's placement");
  return contained();
}
