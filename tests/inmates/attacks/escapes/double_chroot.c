// what: leaves its root by a second chroot below a kept directory, then climbs (chroot(2), NOTES)
// expect: exited 0
// stdout: contained
// with: tmp=1M
#include "attempt.h"

static int climbs(void) {
  struct stat before, after;
  stat("/", &before);
  for (int n = 0; n < 64; ++n) chdir("..");
  return stat(".", &after) == 0 && (before.st_ino != after.st_ino || before.st_dev != after.st_dev);
}

int main(void) {
  int kept = open("/", O_RDONLY | O_DIRECTORY);
  mkdir("/tmp/jail", 0755);
  attempt(chroot("/tmp/jail") == 0, "chroot");
  fchdir(kept);
  attempt(climbs(), "climb from a kept directory");
  attempt(chroot(".") == 0, "chroot back");
  return contained();
}
