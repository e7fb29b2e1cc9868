// what: makes a system call of the 32-bit table, whose numbers mean something else (seccomp(2), Caveats); the
//   question alone ends the jail
// expect: syscall_denied i386:getpid
#include "attempt.h"

int main(void) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
  attempt(result > 0, "getpid of the 32-bit table");
  return contained();
}
