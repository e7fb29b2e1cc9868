// what: kills everybody whom it can see, itself last (kill(2), -1)
// expect: signalled 9
#include <signal.h>
#include <unistd.h>

int main(void) {
  for (int i = 0; i < 5; ++i)
    if (fork() == 0)
      for (;;) pause();
  kill(-1, SIGKILL);
  kill(0, SIGKILL);
  return 1;
}
