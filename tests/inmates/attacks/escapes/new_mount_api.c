// what: the same by the newer calls: a detached copy whose read-only flag is cleared (fsopen(2), mount_setattr(2))
// expect: exited 0
// stdout: contained
// with: tmp=1M
#include <sys/mount.h>

#include "attempt.h"

int main(void) {
  struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  attempt(mount_setattr(AT_FDCWD, "/usr", AT_RECURSIVE, &writable, sizeof writable) == 0, "mount_setattr /usr");
  attempt(mount_setattr(AT_FDCWD, "/", 0, &writable, sizeof writable) == 0, "mount_setattr /");
  attempt(open_tree(AT_FDCWD, "/usr", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC) >= 0, "open_tree");
  attempt(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE) >= 0, "open_tree of all");
  attempt(fsopen("tmpfs", 0) >= 0, "fsopen tmpfs");
  attempt(fsopen("overlay", 0) >= 0, "fsopen overlay");
  attempt(fspick(AT_FDCWD, "/", 0) >= 0, "fspick");
  attempt(fsmount(0, 0, 0) >= 0, "fsmount");
  attempt(move_mount(AT_FDCWD, "/usr", AT_FDCWD, "/tmp", 0) == 0, "move_mount");
  return contained();
}
