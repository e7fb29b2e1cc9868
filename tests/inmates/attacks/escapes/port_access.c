// what: asks for the machine's I/O ports (ioperm(2), iopl(2))
// expect: exited 0
// stdout: contained
#include <sys/io.h>

#include "attempt.h"

static long all_ports(void) { return iopl(3); }
static long one_port(void) { return ioperm(0x80, 1, 1); }

int main(void) {
  attempt(survives(all_ports), "iopl");
  attempt(survives(one_port), "ioperm");
  return contained();
}
