// what: opens core_pattern, whose pipe handler the kernel runs as the host's root (core(5))
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"/proc/sys/kernel/core_pattern", "/proc/self/root/proc/sys/kernel/core_pattern",
                                      "/proc/1/root/proc/sys/kernel/core_pattern"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n)
    attempt(open(files[n], O_WRONLY | O_CLOEXEC) >= 0, files[n]);
  return contained();
}
