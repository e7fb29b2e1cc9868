// what: loads a kernel module from memory and from a file (init_module(2), finit_module(2), delete_module(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

static long from_memory(void) { return syscall(SYS_init_module, "", 0L, ""); }
static long from_file(void) { return syscall(SYS_finit_module, open("/bin/true", O_RDONLY), "", 0); }
static long unload(void) { return syscall(SYS_delete_module, "ip_tables", O_NONBLOCK); }

int main(void) {
  attempt(survives(from_memory), "init_module");
  attempt(survives(from_file), "finit_module");
  attempt(survives(unload), "delete_module");
  return contained();
}
