// what: opens a read-only file again for writing through /proc/self/fd, and by what it inherited (proc(5),
//   CVE-2019-5736)
// expect: exited 0
// stdout: contained
// with: proc
#include <sys/mman.h>

#include "attempt.h"

static int reopens(int fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return fd >= 0 && open(path, O_WRONLY) >= 0;
}

int main(void) {
  const char* bait = getenv("BAIT_FILE");
  int kept = open(bait, O_RDONLY), path = open(bait, O_PATH);
  attempt(reopens(kept), "of a reader");
  attempt(reopens(path), "of a path");
  attempt(ftruncate(kept, 0) == 0, "ftruncate");
  attempt(fallocate(kept, 0, 0, 1) == 0, "fallocate");
  attempt(fchmod(kept, 0666) == 0, "fchmod");
  attempt(fchmodat(AT_FDCWD, bait, 0666, 0) == 0, "fchmodat");
  attempt(utimensat(AT_FDCWD, bait, NULL, 0) == 0, "utimensat");
  attempt(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, kept, 0) != MAP_FAILED, "a shared writable mapping");
  void* map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, kept, 0);
  attempt(mprotect(map, 4096, PROT_READ | PROT_WRITE) == 0, "mprotect");
  attempt(reopens(0), "of standard input");
  return contained();
}
