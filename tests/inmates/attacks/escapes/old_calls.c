// what: tries calls that kernels had, have not yet, or never have: none may do anything (syscalls(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  static const long numbers[] = {SYS_nfsservctl,   SYS_uselib,          SYS__sysctl,        SYS_create_module,
                                 SYS_query_module, SYS_get_kernel_syms, SYS_lookup_dcookie, SYS_ustat,
                                 SYS_sysfs,        SYS_vserver,         SYS_afs_syscall,    SYS_tuxcall,
                                 SYS_security,     SYS_getpmsg,         SYS_putpmsg};
  for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; ++n) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(syscall(numbers[n], 0, 0, 0, 0, 0, 0) < 0 ? 1 : 0);
    int status = 0;
    waitpid(child, &status, 0);
    attempt(WIFEXITED(status) && WEXITSTATUS(status) == 0, "an old call");
  }
  for (long number = 449; number < 1024;
       ++number) {  // newer than what this jail knows; futex_waitv is the last of them
    if (number == 449) continue;
    long rc = syscall(number, -1, 0, 0, 0, 0, 0);
    attempt(rc >= 0 || (errno != ENOSYS && errno != EPERM), "a new call");
  }
  return contained();
}
