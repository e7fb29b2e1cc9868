// what: overwrites the binary that runs it, its init's too, through /proc/PID/exe (CVE-2019-5736)
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

static void overwrite(const char* path) {
  attempt(open(path, O_WRONLY) >= 0, path);
  attempt(open(path, O_RDWR | O_TRUNC) >= 0, path);
  int kept = open(path, O_PATH);
  char again[64];
  snprintf(again, sizeof again, "/proc/self/fd/%d", kept);
  attempt(kept >= 0 && open(again, O_WRONLY) >= 0, again);
  attempt(truncate(path, 0) == 0, "truncate");
}

int main(void) {
  overwrite("/proc/self/exe");
  overwrite("/proc/1/exe");
  overwrite("/proc/self/root/usr/bin/true");
  return contained();
}
