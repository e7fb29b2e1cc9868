// what: loads another kernel from a file (kexec_file_load(2)); the question alone ends the jail
// expect: syscall_denied kexec_file_load
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_kexec_file_load, open("/usr/bin/true", O_RDONLY), -1, 0UL, "", 0UL) == 0, "it was done");
  return contained();
}
