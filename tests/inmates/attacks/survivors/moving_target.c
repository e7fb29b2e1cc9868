// what: lives on as a chain of short-lived processes, so that whoever lists pids before killing comes too late
// expect: exited 0
// with: pids=40
#include <unistd.h>

int main(void) {
  for (int chain = 0; chain < 6; ++chain)
    if (fork() == 0) {
      setsid();
      for (;;)
        if (fork() > 0) _exit(0);
    }
  usleep(50000);
  return 0;
}
