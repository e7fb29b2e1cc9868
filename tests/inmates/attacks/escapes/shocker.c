// what: opens the host's root directory by its file handle, with no path to it (the shocker exploit,
//   open_by_handle_at(2)); the question alone ends the jail
// expect: syscall_denied open_by_handle_at
#include "attempt.h"

int main(void) {
  struct {
    struct file_handle head;
    unsigned char bytes[8];
  } root = {{8, 1, {}}, {2, 0, 0, 0, 0, 0, 0, 0}};  // inode 2: the root of ext4
  attempt(open_by_handle_at(open("/usr", O_RDONLY), &root.head, O_RDONLY) >= 0, "the host's root");
  return contained();
}
