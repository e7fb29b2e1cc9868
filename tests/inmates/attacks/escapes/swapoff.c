// what: takes the host's swap away (swapoff(2)); the question alone ends the jail
// expect: syscall_denied swapoff
#include <sys/swap.h>

#include "attempt.h"

int main(void) {
  attempt(swapoff("/dev/vdb") == 0, "it was done");
  return contained();
}
