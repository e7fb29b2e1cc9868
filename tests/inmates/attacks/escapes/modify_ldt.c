// what: makes 16-bit code segments (modify_ldt(2), CVE-2015-5157)
// expect: exited 0
// stdout: contained
#include <asm/ldt.h>

#include "attempt.h"

int main(void) {
  struct user_desc segment = {.entry_number = 0, .limit = 0xfffff, .seg_32bit = 0, .useable = 1};
  attempt(syscall(SYS_modify_ldt, 1, &segment, sizeof segment) == 0, "write an entry");
  attempt(syscall(SYS_modify_ldt, 0x11, &segment, sizeof segment) == 0, "write a new entry");
  return contained();
}
