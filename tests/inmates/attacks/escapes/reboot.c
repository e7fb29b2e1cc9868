// what: stops the machine (reboot(2))
// expect: exited 0
// stdout: contained
#include <sys/reboot.h>

#include "attempt.h"

static long off(void) { return reboot(RB_POWER_OFF); }
static long keys(void) { return reboot(RB_ENABLE_CAD); }

int main(void) {
  attempt(survives(off), "power off");
  attempt(survives(keys), "control-alt-delete");
  return contained();
}
