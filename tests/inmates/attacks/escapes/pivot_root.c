// what: makes another directory its root (pivot_root(2))
// expect: exited 0
// stdout: contained
// with: tmp=1M
#include "attempt.h"

static long pivot(void) { return syscall(SYS_pivot_root, "/tmp", "/tmp"); }
static long pivot_here(void) { return syscall(SYS_pivot_root, ".", "."); }

int main(void) {
  attempt(survives(pivot), "pivot_root");
  attempt(survives(pivot_here), "pivot_root . .");
  return contained();
}
