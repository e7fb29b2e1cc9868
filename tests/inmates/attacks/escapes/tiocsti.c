// what: types into the terminal that started it, also by a request whose high bits differ (TIOCSTI, CVE-2019-10063;
//   TIOCLINUX, CVE-2023-28339)
// expect: exited 0
// stdout: contained
#include <sys/ioctl.h>

#include "attempt.h"

int main(void) {
  static const unsigned long requests[] = {TIOCSTI,   TIOCSTI | 1UL << 32,   TIOCSTI | 0xffffffff00000000UL,
                                           TIOCLINUX, TIOCLINUX | 1UL << 32, TIOCCONS,
                                           TIOCSETD};
  for (int fd = 0; fd < 3; ++fd)
    for (unsigned n = 0; n < sizeof requests / sizeof *requests; ++n) {
      char key[] = "x";
      attempt(syscall(SYS_ioctl, fd, requests[n], key) == 0, "ioctl");
      if (errno != EPERM) escaped("the filter let the request through to the file");
    }
  return contained();
}
