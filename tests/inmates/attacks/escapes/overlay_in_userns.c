// what: mounts an overlay whose upper layer keeps a setuid file (CVE-2021-3493, CVE-2023-0386)
// expect: exited 0
// stdout: contained
// with: volume
#include <sched.h>
#include <sys/mount.h>

#include "attempt.h"

int main(void) {
  mkdir("/volume/lower", 0755), mkdir("/volume/upper", 0755), mkdir("/volume/work", 0755);
  attempt(unshare(CLONE_NEWNS) == 0, "a mount namespace");
  attempt(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "with a user namespace");
  attempt(mount("overlay", "/volume", "overlay", 0,
                "lowerdir=/volume/lower,upperdir=/volume/upper,workdir=/volume/work") == 0,
          "an overlay");
  attempt(mount("fuse", "/volume", "fuse", 0, "fd=0,rootmode=40000,user_id=0,group_id=0") == 0, "a FUSE file system");
  return contained();
}
