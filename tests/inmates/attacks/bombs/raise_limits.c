// what: raises its own limits, and those of init (setrlimit(2), prlimit(2))
// expect: exited 0
// stdout: refused
// with: memory=32M, wall=10s
#include "bomb.h"

int main(void) {
  struct rlimit none = {0, 0};
  if (prlimit(1, RLIMIT_CPU, &none, 0) == 0 || prlimit(1, RLIMIT_AS, &none, 0) == 0) unlimited("limits of init", 1);
  for (int which = 0; which < RLIM_NLIMITS; ++which) {
    struct rlimit now, more;
    if (getrlimit(which, &now) != 0) return 2;
    if (now.rlim_max == RLIM_INFINITY) continue;
    more.rlim_cur = more.rlim_max = now.rlim_max + 1;
    setrlimit(which, &more);
    struct rlimit after;
    getrlimit(which, &after);
    if (after.rlim_max > now.rlim_max) unlimited("raised limit", which);
  }
  refused("limit", 1);
  return 0;
}
