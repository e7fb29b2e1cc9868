/* Asks for what only an attack asks for: to load a kernel module. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  syscall(SYS_init_module, 0, 0, "");
  return 0;
}
