// what: reads and writes its init's memory (process_vm_writev(2), /proc/PID/mem)
// expect: exited 0
// stdout: contained
// with: proc
#include <sys/uio.h>

#include "attempt.h"

int main(void) {
  char byte = 0;
  struct iovec mine = {&byte, 1}, theirs = {(void*)0x400000, 1};
  attempt(process_vm_readv(1, &mine, 1, &theirs, 1, 0) >= 0, "process_vm_readv");
  attempt(process_vm_writev(1, &mine, 1, &theirs, 1, 0) >= 0, "process_vm_writev");
  attempt(open("/proc/1/mem", O_RDWR) >= 0, "/proc/1/mem for writing");
  attempt(open("/proc/1/mem", O_RDONLY) >= 0, "/proc/1/mem");
  int init = (int)syscall(SYS_pidfd_open, 1, 0);
  attempt(syscall(SYS_process_madvise, init, &theirs, 1UL, 4, 0U) >= 0, "process_madvise");
  attempt(syscall(SYS_process_mrelease, init, 0) == 0, "process_mrelease");
  return contained();
}
