// what: raises its resource limits, and sets its init's (prlimit(2))
// expect: exited 0
// stdout: contained
#include <sys/resource.h>

#include "attempt.h"

int main(void) {
  for (int which = 0; which < RLIM_NLIMITS; ++which) {
    struct rlimit now, more, then;
    if (getrlimit(which, &now) != 0 || now.rlim_max == RLIM_INFINITY) continue;
    more = now;
    more.rlim_max = more.rlim_max + 1;
    // That of core dumps answers with success and stays (add_limits() in sandbox/seccomp.cpp).
    attempt(setrlimit(which, &more) == 0 && getrlimit(which, &then) == 0 && then.rlim_max > now.rlim_max,
            "a hard limit");
    more.rlim_max = RLIM_INFINITY;
    attempt(setrlimit(which, &more) == 0 && getrlimit(which, &then) == 0 && then.rlim_max > now.rlim_max,
            "a hard limit to infinity");
  }
  struct rlimit none = {0, 0};
  attempt(prlimit(1, RLIMIT_NOFILE, &none, NULL) == 0, "init's descriptors");
  attempt(prlimit(1, RLIMIT_CPU, &none, NULL) == 0, "init's time");
  return contained();
}
