// what: a daemon that ignores, blocks or catches every signal that can be
// expect: exited 0
#include <signal.h>
#include <unistd.h>

static void laugh(int signal) { (void)signal; }

int main(void) {
  for (int i = 0; i < 3; ++i) {
    if (fork() != 0) continue;
    setsid();
    sigset_t all;
    sigfillset(&all);
    if (i == 0) sigprocmask(SIG_BLOCK, &all, 0);
    for (int s = 1; s < 65; ++s) signal(s, i == 1 ? SIG_IGN : laugh);
    for (;;) pause();
  }
  return 0;
}
