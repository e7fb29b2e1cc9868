// what: stops itself, as soon as it runs and again whenever somebody continues it
// expect: wall_timeout
// with: wall=1s
#include <signal.h>

int main(void) {
  for (;;) raise(SIGSTOP);
}
