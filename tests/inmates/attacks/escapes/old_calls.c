// what: tries calls that kernels had, have not yet, or never have: none may do anything (syscalls(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  static const long numbers[] = {SYS__sysctl, SYS_lookup_dcookie, SYS_ustat,         SYS_sysfs,
                                 SYS_vserver, SYS_afs_syscall,    SYS_tuxcall,       SYS_security,
                                 SYS_getpmsg, SYS_putpmsg,        SYS_epoll_ctl_old, SYS_epoll_wait_old};
  for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; ++n) {
    attempt(syscall(numbers[n], 0, 0, 0, 0, 0, 0) >= 0, "an old call");
  }
  for (long number = 449; number < 1024;
       ++number) {  // newer than what this jail knows; futex_waitv is the last of them
    if (number == 449) continue;
    long rc = syscall(number, -1, 0, 0, 0, 0, 0);
    attempt(rc >= 0 || (errno != ENOSYS && errno != EPERM), "a new call");
  }
  return contained();
}
