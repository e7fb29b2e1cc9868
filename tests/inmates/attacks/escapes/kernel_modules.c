// what: loads a kernel module from memory; the question alone ends the jail (init_module(2))
// expect: syscall_denied init_module
#include "attempt.h"

static long from_memory(void) { return syscall(SYS_init_module, "", 0L, ""); }

int main(void) {
  attempt(survives(from_memory), "init_module");  // a child's question is the whole jail's
  attempt(1, "outlived the question");
  return contained();
}
