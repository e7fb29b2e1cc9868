// what: makes a system call of the x32 table: the same number with one bit set (CVE-2014-0038); the question alone
//   ends the jail
// expect: syscall_denied x32:getpid
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_getpid | 0x40000000) > 0, "it was done");
  return contained();
}
