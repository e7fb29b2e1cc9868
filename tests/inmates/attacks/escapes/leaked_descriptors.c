// what: looks for descriptors that its makers forgot: directories, sockets, devices, anything above 2
//   (CVE-2024-21626)
// expect: exited 0
// stdout: contained
#include "attempt.h"

int main(void) {
  for (int fd = 0; fd < 65536; ++fd) {
    struct stat info;
    if (fstat(fd, &info) != 0) continue;
    attempt(fd > 2, "one above standard error");
    attempt(S_ISDIR(info.st_mode), "a directory");
    attempt(S_ISSOCK(info.st_mode), "a socket");
    attempt(S_ISBLK(info.st_mode), "a block device");
    attempt((fcntl(fd, F_GETFL) & O_PATH) != 0, "a path");
  }
  return contained();
}
