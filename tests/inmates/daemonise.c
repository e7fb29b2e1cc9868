/* Leaves a process behind in the classic way (two forks, a session of its own) and exits 0, or with "stay" waits too.
 */
#include <signal.h>
#include <unistd.h>

int main(int argc, char** argv) {
  (void)argv;
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    for (int s = 1; s < 32; ++s) signal(s, SIG_IGN);
    close(0), close(1), close(2);
    for (;;) pause();
  }
  if (argc > 1) pause();
  return 0;
}
