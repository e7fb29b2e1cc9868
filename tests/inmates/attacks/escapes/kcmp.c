// what: compares kernel pointers of its init's objects with its own (kcmp(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  for (int type = 0; type < 8; ++type) attempt(syscall(SYS_kcmp, getpid(), 1, type, 0L, 0L) >= 0, "kcmp");
  return contained();
}
