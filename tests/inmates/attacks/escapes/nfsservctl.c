// what: speaks to the kernel's NFS server, which is gone (nfsservctl(2)); the question alone ends the jail
// expect: syscall_denied nfsservctl
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_nfsservctl, 0, NULL, NULL) == 0, "it was done");
  return contained();
}
