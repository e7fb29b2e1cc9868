// what: twenty generations, each of which dies right after its child was born; the last lives
// expect: exited 0
#include <unistd.h>

int main(void) {
  for (int generation = 0; generation < 20; ++generation)
    if (fork() != 0) {
      if (generation == 0) usleep(20000);
      _exit(0);
    }
  for (;;) pause();
}
