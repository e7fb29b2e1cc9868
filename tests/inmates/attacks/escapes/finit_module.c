// what: loads a kernel module from a file (finit_module(2)); the question alone ends the jail
// expect: syscall_denied finit_module
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_finit_module, open("/usr/bin/true", O_RDONLY), "", 0) == 0, "it was done");
  return contained();
}
