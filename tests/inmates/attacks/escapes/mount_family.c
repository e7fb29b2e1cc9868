// what: mounts, binds, moves, remounts writable and unmounts what covers the host's files (mount(2), umount2(2))
// expect: exited 0
// stdout: contained
// with: tmp=1M
#include <sys/mount.h>

#include "attempt.h"

int main(void) {
  attempt(mount("none", "/tmp", "tmpfs", 0, NULL) == 0, "mount a tmpfs");
  attempt(mount("proc", "/tmp", "proc", 0, NULL) == 0, "mount a whole /proc");
  attempt(mount("none", "/tmp", "devtmpfs", 0, NULL) == 0, "mount devtmpfs");
  attempt(mount("/dev/vda", "/tmp", "ext4", 0, NULL) == 0, "mount the disk");
  attempt(mount("/usr", "/tmp", NULL, MS_BIND, NULL) == 0, "bind");
  attempt(mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL) == 0, "remount /usr writable");
  attempt(mount(NULL, "/", NULL, MS_REMOUNT, NULL) == 0, "remount / writable");
  attempt(mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) == 0, "share / with the host");
  attempt(mount("/usr", "/tmp", NULL, MS_MOVE, NULL) == 0, "move /usr");
  attempt(umount2("/usr", MNT_DETACH) == 0, "umount /usr");
  attempt(umount2("/", MNT_DETACH) == 0, "umount /");
  return contained();
}
