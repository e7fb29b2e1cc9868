// what: raises capabilities: effective, inheritable, ambient, after a change of user (capabilities(7))
// expect: exited 0
// stdout: contained
#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/prctl.h>

#include "attempt.h"

static int has_any(void) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {{0}, {0}};
  syscall(SYS_capget, &head, sets);
  for (int n = 0; n < 2; ++n)
    if (sets[n].effective || sets[n].permitted || sets[n].inheritable) return 1;
  return 0;
}

int main(void) {
  attempt(has_any(), "some capability from the start");
  for (unsigned cap = 0; cap < 64; ++cap) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2] = {{0}, {0}};
    sets[cap / 32].effective = sets[cap / 32].permitted = sets[cap / 32].inheritable = 1U << cap % 32;
    attempt(syscall(SYS_capset, &head, sets) == 0 && has_any(),
            "capset");  // numbers of no capability are dropped silently
    attempt(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0, "ambient");
    attempt(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1, "in the bounding set");
  }
  for (unsigned long bits = 0; bits < 256; ++bits) attempt(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0, "securebits");
  attempt(has_any(), "some capability in the end");
  return contained();
}
