// what: ends while forty processes fork and end without pause
// expect: exited 7
// with: pids=60, memory=64M
#include <signal.h>
#include <unistd.h>

int main(void) {
  pid_t first = getpid();
  for (int i = 0; i < 40; ++i)
    if (fork() == 0) break;
  if (getpid() != first) {
    signal(SIGCHLD, SIG_IGN);
    for (;;)
      if (fork() == 0 && fork() == 0) _exit(0);
  }
  usleep(50000);
  return 7;
}
