// what: loads another kernel (kexec_load(2), kexec_file_load(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

static long load(void) { return syscall(SYS_kexec_load, 0UL, 0UL, NULL, 0UL); }
static long load_file(void) { return syscall(SYS_kexec_file_load, open("/usr/bin/true", O_RDONLY), -1, 0UL, "", 0UL); }

int main(void) {
  attempt(survives(load), "kexec_load");
  attempt(survives(load_file), "kexec_file_load");
  return contained();
}
