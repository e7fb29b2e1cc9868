// what: signals its init, everybody, and processes outside by every way there is (kill(2), F_SETOWN in fcntl(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

static void ignore(int number) { (void)number; }

int main(void) {
  for (int number = 1; number < 65; ++number) kill(1, number);  // init ignores what it does not handle
  int init = (int)syscall(SYS_pidfd_open, 1, 0);
  syscall(SYS_pidfd_send_signal, init, SIGKILL, NULL, 0);
  syscall(SYS_tgkill, 1, 1, SIGKILL);
  siginfo_t forged = {.si_code = SI_KERNEL};
  attempt(syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &forged) == 0, "a signal as if from the kernel");
  signal(SIGTERM, ignore);
  kill(-1, SIGTERM);
  int ends[2];
  pipe(ends);
  for (pid_t pid = 2; pid < 4096; ++pid) {
    if (pid == getpid()) continue;
    attempt(kill(pid, 0) == 0, "a process outside");
    attempt(fcntl(ends[0], F_SETOWN, pid) == 0 && fcntl(ends[0], F_GETOWN) == pid, "F_SETOWN to a process outside");
  }
  attempt(kill(-1, 0) == 0 && 0, "");
  attempt(setpgid(0, 1) == 0, "init's process group");
  return contained();
}
