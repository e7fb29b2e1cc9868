// what: crashes over and over, each time with memory to dump (core(5)); a host's core handler must not run for a jail
// expect: exited 0
// stdout: refused
// with: memory=64M, wall=10s, cpu=8s
#include "bomb.h"

int main(void) {
  char* ballast = malloc(16 << 20);
  memset(ballast, 1, 16 << 20);
  for (int n = 0; n < 100; ++n) {
    pid_t child = fork();
    if (child == 0) {
      struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY}, none = {0, 0};
      setrlimit(RLIMIT_CORE, n % 2 ? &all : &none);  // 0 lets a handler that is a pipe run (core(5))
      raise(SIGSEGV);
    }
    int how = 0;
    waitpid(child, &how, 0);
    if (WCOREDUMP(how)) unlimited("core dumps", 1);
  }
  refused("core dump", 100);
  return 0;
}
