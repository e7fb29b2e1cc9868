// what: loads a kernel module from memory (init_module(2)); the question alone ends the jail
// expect: syscall_denied init_module
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_init_module, "", 0UL, "") == 0, "it was done");
  return contained();
}
