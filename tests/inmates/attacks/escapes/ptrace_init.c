// what: traces its init, which holds the channel to the jailer, and its parent (ptrace(2))
// expect: exited 0
// stdout: contained
#include <sys/ptrace.h>

#include "attempt.h"

int main(void) {
  attempt(ptrace(PTRACE_ATTACH, 1, 0, 0) == 0, "attach to init");
  attempt(ptrace(PTRACE_SEIZE, 1, 0, 0) == 0, "seize init");
  attempt(ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0, "attach to the parent");
  attempt(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0, "be traced");
  return contained();
}
