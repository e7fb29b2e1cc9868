// what: makes another directory its root (pivot_root(2)); the question alone ends the jail
// expect: syscall_denied pivot_root
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_pivot_root, ".", ".") == 0, "it was done");
  return contained();
}
