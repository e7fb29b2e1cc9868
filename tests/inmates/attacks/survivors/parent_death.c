// what: asks not to die with its parent, and to be told of a death it then ignores (PR_SET_PDEATHSIG)
// expect: exited 0
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
  const int wishes[] = {0, SIGCONT, SIGURG, SIGWINCH};
  for (int i = 0; i < 4; ++i)
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, wishes[i], 0, 0, 0);
      for (int s = 1; s < 65; ++s) signal(s, SIG_IGN);
      for (;;) pause();
    }
  usleep(20000);
  return 0;
}
