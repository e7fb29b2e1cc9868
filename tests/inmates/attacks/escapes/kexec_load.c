// what: loads another kernel from memory (kexec_load(2)); the question alone ends the jail
// expect: syscall_denied kexec_load
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_kexec_load, 0UL, 0UL, NULL, 0UL) == 0, "it was done");
  return contained();
}
