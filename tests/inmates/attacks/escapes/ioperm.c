// what: asks for one of the machine's I/O ports (ioperm(2)); the question alone ends the jail
// expect: syscall_denied ioperm
#include <sys/io.h>

#include "attempt.h"

int main(void) {
  attempt(ioperm(0x80, 1, 1) == 0, "it was done");
  return contained();
}
