// what: traces its own child to rewrite system calls behind the filter's back (ptrace(2), seccomp before Linux 4.8)
// expect: exited 0
// stdout: contained
#include <sys/ptrace.h>

#include "attempt.h"

int main(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  long attached = ptrace(PTRACE_ATTACH, child, 0, 0);
  long seized = attached == 0 ? 0 : ptrace(PTRACE_SEIZE, child, 0, 0);
  int error = errno;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  errno = error;
  attempt(attached == 0 || seized == 0, "trace a child");
  return contained();
}
