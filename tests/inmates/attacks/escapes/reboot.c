// what: stops the machine (reboot(2)); the question alone ends the jail
// expect: syscall_denied reboot
#include <sys/reboot.h>

#include "attempt.h"

int main(void) {
  attempt(reboot(RB_POWER_OFF) == 0, "it was done");
  return contained();
}
