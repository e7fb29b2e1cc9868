// what: opens the host's root directory by its file handle, with no path to it (the shocker exploit,
//   open_by_handle_at(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

struct handle {
  struct file_handle head;
  unsigned char bytes[8];
};

static long open_root(void) {
  struct handle root = {{8, 1, {}}, {2, 0, 0, 0, 0, 0, 0, 0}};  // inode 2: the root of ext4
  return open_by_handle_at(open("/usr", O_RDONLY), &root.head, O_RDONLY);
}

int main(void) {
  struct handle mine = {{8, 0, {}}, {0}};
  int mount = 0;
  attempt(name_to_handle_at(AT_FDCWD, "/usr", &mine.head, &mount, 0) == 0, "name_to_handle_at");
  attempt(survives(open_root), "open_by_handle_at");
  return contained();
}
