// what: handles its own crash by returning to where it crashed, without end
// expect: cpu_timeout
// with: cpu=1s, wall=10s, memory=32M
#include "bomb.h"

static void again(int signal) { (void)signal; }

int main(void) {
  signal(SIGSEGV, again);
  return *(volatile int*)0;
}
