// what: maps a library the old way (uselib(2), CVE-2004-1235); the question alone ends the jail
// expect: syscall_denied uselib
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_uselib, "/lib/x.so") == 0, "it was done");
  return contained();
}
