// what: takes a controlling terminal: whose it is can be signalled and read (TIOCSCTTY, tty_ioctl(4))
// expect: exited 0
// stdout: contained
#include <sys/ioctl.h>
#include <termios.h>

#include "attempt.h"

int main(void) {
  static const char* const terminals[] = {"/dev/tty",      "/dev/console", "/dev/tty0",  "/dev/tty1", "/dev/ptmx",
                                          "/dev/pts/ptmx", "/dev/pts/0",   "/dev/ttyS0", "/dev/hvc0"};
  for (unsigned n = 0; n < sizeof terminals / sizeof *terminals; ++n)
    attempt(open(terminals[n], O_RDWR) >= 0, terminals[n]);
  for (int fd = 0; fd < 3; ++fd) {
    attempt(isatty(fd), "a terminal was inherited");
    attempt(ioctl(fd, TIOCSCTTY, 1) == 0, "TIOCSCTTY");
    attempt(tcgetsid(fd) >= 0, "tcgetsid");
  }
  attempt(getsid(0) != getpid(), "still in the session of who started it");
  return contained();
}
