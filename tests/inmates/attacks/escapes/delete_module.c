// what: unloads a kernel module (delete_module(2)); the question alone ends the jail
// expect: syscall_denied delete_module
#include "attempt.h"

int main(void) {
  attempt(syscall(SYS_delete_module, "ip_tables", O_NONBLOCK) == 0, "it was done");
  return contained();
}
