// what: renames the host (sethostname(2), setdomainname(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  attempt(sethostname("taken", 5) == 0, "sethostname");
  attempt(setdomainname("taken", 5) == 0, "setdomainname");
  return contained();
}
