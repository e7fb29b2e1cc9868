// what: asks for all of the machine's I/O ports (iopl(2)); the question alone ends the jail
// expect: syscall_denied iopl
#include <sys/io.h>

#include "attempt.h"

int main(void) {
  attempt(iopl(3) == 0, "it was done");
  return contained();
}
