// what: makes a system call of the 32-bit table, whose numbers mean something else (seccomp(2), Caveats)
// expect: exited 0
// stdout: contained
#include "attempt.h"

static long old_gate(void) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(20L /* getpid there, writev here */)
                   : "memory", "r8", "r9", "r10", "r11");
  return result;
}

int main(void) {
  attempt(survives(old_gate), "int $0x80");
  return contained();
}
