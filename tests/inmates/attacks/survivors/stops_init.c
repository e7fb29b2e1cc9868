// what: sends every signal to init, also by pidfd: with init stopped the jail would never end (pid_namespaces(7))
// expect: exited 0
// stdout: init lives
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  int init = (int)syscall(SYS_pidfd_open, 1, 0);
  for (int s = 1; s < 65; ++s) {
    union sigval value = {.sival_int = 3};
    kill(1, s), sigqueue(1, s, value), syscall(SYS_tgkill, 1, 1, s);
    if (init >= 0) syscall(SYS_pidfd_send_signal, init, s, 0, 0);
  }
  usleep(50000);
  puts(getppid() == 1 ? "init lives" : "init is gone");
  return 0;
}
