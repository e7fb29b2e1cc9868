// what: asks for the handle of a file, which says what shocker needs (name_to_handle_at(2))
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  struct {
    struct file_handle head;
    unsigned char bytes[128];
  } mine = {{128, 0, {}}, {0}};
  int mount = 0;
  attempt(name_to_handle_at(AT_FDCWD, "/usr", &mine.head, &mount, 0) == 0, "of /usr");
  attempt(name_to_handle_at(AT_FDCWD, "/usr/bin/true", &mine.head, &mount, 0) == 0, "of a file");
  return contained();
}
