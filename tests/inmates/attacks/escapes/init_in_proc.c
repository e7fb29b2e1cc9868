// what: looks at its init through /proc: root, directory, descriptors, environment, maps, stack (proc(5))
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"root", "cwd", "exe", "fd/0", "fd/1", "fd/3", "fd/4", "ns/mnt"};
  static const char* const readable[] = {"environ", "maps",    "smaps", "auxv",       "stack",
                                         "syscall", "pagemap", "io",    "personality"};
  char path[64], text[16];
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n) {
    snprintf(path, sizeof path, "/proc/1/%s", files[n]);
    attempt(readlink(path, text, sizeof text) >= 0, path);
    attempt(open(path, O_PATH) >= 0, path);
  }
  for (unsigned n = 0; n < sizeof readable / sizeof *readable; ++n) {
    snprintf(path, sizeof path, "/proc/1/%s", readable[n]);
    int fd = open(path, O_RDONLY);
    attempt(fd >= 0 && read(fd, text, sizeof text) > 0, path);
  }
  return contained();
}
