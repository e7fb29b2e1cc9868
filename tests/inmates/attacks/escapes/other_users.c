// what: becomes root, nobody and other users and groups (credentials(7))
// expect: exited 0
// stdout: contained
// with: volume
#include <grp.h>
#include <sys/fsuid.h>

#include "attempt.h"

int main(void) {
  static const unsigned ids[] = {0, 1, 999, 1001, 65534, 100000, 1900000000, 0xfffffffe};
  const uid_t own = getuid();
  for (unsigned n = 0; n < sizeof ids / sizeof *ids; ++n) {
    attempt(setuid(ids[n]) == 0, "setuid");
    attempt(setgid(ids[n]) == 0, "setgid");
    attempt(setresuid(ids[n], ids[n], ids[n]) == 0, "setresuid");
    attempt(setresgid(ids[n], ids[n], ids[n]) == 0, "setresgid");
    attempt(setreuid(ids[n], own) == 0 || setregid(ids[n], own) == 0, "setreuid");
    syscall(SYS_setfsuid, ids[n]), syscall(SYS_setfsgid, ids[n]);
    attempt((uid_t)syscall(SYS_setfsuid, -1) != own, "setfsuid");
    attempt(chown("/volume", ids[n], (gid_t)-1) == 0, "chown");
    attempt(setgroups(1, &ids[n]) == 0, "setgroups");
  }
  attempt(setgroups(0, NULL) == 0, "drop groups that deny");
  attempt(getgroups(0, NULL) != 0 && getuid() != 1000, "groups of the host");
  return contained();
}
