// what: makes system calls of the x32 table: the same with one bit set (CVE-2014-0038)
// expect: exited 0
// stdout: contained
#include "attempt.h"

static long pid(void) { return syscall(SYS_getpid | 0x40000000); }
static long mounting(void) { return syscall(SYS_mount | 0x40000000, "none", "/tmp", "tmpfs", 0, 0); }

int main(void) {
  attempt(survives(pid), "getpid");
  attempt(survives(mounting), "mount");
  return contained();
}
