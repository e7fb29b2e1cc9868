// what: gives a file capabilities and runs it, or one that has them (capabilities(7))
// expect: exited 0
// stdout: contained
// with: volume
#include <linux/capability.h>
#include <sys/xattr.h>

#include "attempt.h"

int main(void) {
  struct vfs_ns_cap_data all = {.magic_etc = VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE,
                                .data = {{~0U, ~0U}, {~0U, ~0U}}};
  close(open("/volume/own", O_WRONLY | O_CREAT, 0755));
  attempt(setxattr("/volume/own", "security.capability", &all, sizeof all, 0) == 0, "setxattr, version 3");
  attempt(setxattr("/volume/own", "security.capability", &all, sizeof(struct vfs_cap_data), 0) == 0, "version 2");
  attempt(setxattr("/usr/bin/true", "security.capability", &all, sizeof all, 0) == 0, "on /usr/bin/true");
  attempt(setxattr("/volume/own", "trusted.overlay.opaque", "y", 1, 0) == 0, "trusted.overlay.opaque");
  attempt(setxattr("/volume/own", "security.ima", "x", 1, 0) == 0, "security.ima");
  return contained();
}
