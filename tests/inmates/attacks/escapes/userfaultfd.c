// what: makes a userfaultfd, with which exploits stop the kernel half way (userfaultfd(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_userfaultfd, O_CLOEXEC) >= 0, "userfaultfd");
  attempt(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */) >= 0, "of user mode only");
  return contained();
}
