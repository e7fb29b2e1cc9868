// what: maps page 0 and makes all memory executable (personality(2), CVE-2009-1895)
// expect: exited 0
// stdout: contained
#include <sys/mman.h>
#include <sys/personality.h>

#include "attempt.h"

int main(void) {
  static const unsigned long personae[] = {MMAP_PAGE_ZERO,
                                           READ_IMPLIES_EXEC,
                                           ADDR_COMPAT_LAYOUT,
                                           STICKY_TIMEOUTS,
                                           PER_LINUX32,
                                           PER_SVR4,
                                           ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC};
  for (unsigned n = 0; n < sizeof personae / sizeof *personae; ++n)
    attempt(personality(personae[n]) >= 0, "personality");
  void* zero = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  attempt(zero != MAP_FAILED, "map page 0");
  return contained();
}
