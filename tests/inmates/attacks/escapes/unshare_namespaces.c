// what: makes namespaces of its own, in which it would have every capability (user_namespaces(7), CVE-2022-0185
//   starts so)
// expect: exited 0
// stdout: contained
#include <sched.h>

#include "attempt.h"

int main(void) {
  static const struct {
    int flag;
    const char* name;
  } all[] = {{CLONE_NEWUSER, "user"},
             {CLONE_NEWNS, "mnt"},
             {CLONE_NEWPID, "pid"},
             {CLONE_NEWNET, "net"},
             {CLONE_NEWIPC, "ipc"},
             {CLONE_NEWUTS, "uts"},
             {CLONE_NEWCGROUP, "cgroup"},
             {0x80, "time"},
             {CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, "user and others"}};
  for (unsigned n = 0; n < sizeof all / sizeof *all; ++n) attempt(unshare(all[n].flag) == 0, all[n].name);
  return contained();
}
