// what: daemons that call themselves as init does, by name and by command line (PR_SET_NAME)
// expect: exited 0
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  (void)argc;
  for (int i = 0; i < 4; ++i)
    if (fork() == 0) {
      prctl(PR_SET_NAME, i % 2 ? "jail-init" : "", 0, 0, 0);
      memset(argv[0], 0, strlen(argv[0]));
      setsid();
      for (;;) pause();
    }
  return 0;
}
