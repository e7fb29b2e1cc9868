// what: copies its init's descriptors, among them the channel to the jailer (pidfd_getfd(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  int init = (int)syscall(SYS_pidfd_open, 1, 0), self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  for (int fd = 0; fd < 16; ++fd) attempt(syscall(SYS_pidfd_getfd, init, fd, 0) >= 0, "of init");
  attempt(syscall(SYS_pidfd_getfd, self, 0, 0) >= 0, "of itself");
  return contained();
}
