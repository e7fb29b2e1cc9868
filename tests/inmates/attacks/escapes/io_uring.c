// what: makes a ring whose calls no filter sees (io_uring_setup(2), CVE-2022-2602)
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  char parameters[256] = {0};
  attempt(syscall(SYS_io_uring_setup, 4, parameters) >= 0, "io_uring_setup");
  attempt(syscall(SYS_io_uring_register, 0, 0, parameters, 1) >= 0, "io_uring_register");
  attempt(syscall(SYS_io_uring_enter, 0, 1, 0, 0, NULL, 0UL) >= 0, "io_uring_enter");
  unsigned long context = 0;
  attempt(syscall(SYS_io_setup, 4, &context) == 0, "io_setup");
  return contained();
}
