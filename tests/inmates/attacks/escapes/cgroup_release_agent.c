// what: mounts a cgroup v1 hierarchy to set its release_agent, a program that the host's root runs (CVE-2022-0492)
// expect: exited 0
// stdout: contained
// with: tmp=1M
#include <sched.h>
#include <sys/mount.h>

#include "attempt.h"

int main(void) {
  attempt(mount("cgroup", "/tmp", "cgroup", 0, "rdma") == 0, "mount cgroup");
  attempt(mount("cgroup", "/tmp", "cgroup", 0, "memory") == 0, "mount memory cgroup");
  attempt(mount("cgroup2", "/tmp", "cgroup2", 0, NULL) == 0, "mount cgroup2");
  attempt(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) == 0, "unshare to become root over it");
  attempt(open("/sys/fs/cgroup/rdma/release_agent", O_WRONLY) >= 0, "release_agent");
  attempt(open("/sys/fs/cgroup/memory/release_agent", O_WRONLY) >= 0, "release_agent of memory");
  return contained();
}
