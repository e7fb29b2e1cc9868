// what: has the kernel swap to a file of its own (swapon(2)); the question alone ends the jail
// expect: syscall_denied swapon
#include <sys/swap.h>

#include "attempt.h"

int main(void) {
  attempt(swapon("/dev/zero", 0) == 0, "it was done");
  return contained();
}
