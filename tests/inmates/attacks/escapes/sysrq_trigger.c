// what: opens sysrq-trigger, a key press on the host's console (Documentation/admin-guide/sysrq.rst)
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"/proc/sysrq-trigger", "/proc/1/root/proc/sysrq-trigger"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n)
    attempt(open(files[n], O_WRONLY | O_CLOEXEC) >= 0, files[n]);
  return contained();
}
