// what: clones a child into new namespaces, by clone and by clone3, where a filter can't see the flags (clone(2))
// expect: exited 0
// stdout: contained
#include <linux/sched.h>

#include "attempt.h"

static int raw_clone(unsigned long flags) {
  fflush(stdout);
  long child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
  return child > 0;
}

static int newer_clone(unsigned long long flags) {
  struct clone_args how = {.flags = flags, .exit_signal = SIGCHLD};
  fflush(stdout);
  long child = syscall(SYS_clone3, &how, sizeof how);
  if (child == 0) _exit(0);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
  return child > 0;
}

int main(void) {
  attempt(raw_clone(CLONE_NEWUSER), "clone user");
  attempt(raw_clone(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET), "clone user, mnt, net");
  attempt(raw_clone(CLONE_NEWUSER | 1UL << 40), "clone user, high bits set");
  attempt(raw_clone(CLONE_NEWPID), "clone pid");
  attempt(raw_clone(CLONE_NEWCGROUP), "clone cgroup");
  attempt(newer_clone(CLONE_NEWUSER), "clone3 user");
  attempt(newer_clone(CLONE_NEWTIME), "clone3 time");
  attempt(newer_clone(CLONE_INTO_CGROUP), "clone3 into a cgroup");
  return contained();
}
