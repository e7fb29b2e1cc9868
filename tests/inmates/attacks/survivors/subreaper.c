// what: takes orphans in itself, so that init never hears of them, and then dies under them (PR_SET_CHILD_SUBREAPER)
// expect: exited 0
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  for (int depth = 0; depth < 3; ++depth) {
    if (fork() != 0) {
      usleep(30000 * (3 - depth));
      _exit(0);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (fork() == 0 && fork() == 0)
      for (;;) pause();
  }
  for (;;) pause();
}
