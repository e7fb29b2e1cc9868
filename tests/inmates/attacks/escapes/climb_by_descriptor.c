// what: climbs out of directories that it holds, moved and removed ones too (openat(2), CVE-2024-21626 is of the
//   kind)
// expect: exited 0
// stdout: contained
// with: proc, tmp=1M
#include "attempt.h"

static int host_seen(int from) {
  char path[4 * 64 + 32] = "";
  for (int n = 0; n < 64; ++n) strcat(path, "../");
  strcat(path, "etc/shadow");
  struct stat found;
  return fstatat(from, path, &found, 0) == 0;
}

int main(void) {
  static const char* const places[] = {"/", "/usr", "/dev", "/tmp", "/proc", "/inmates", "/etc"};
  for (unsigned n = 0; n < sizeof places / sizeof *places; ++n) attempt(host_seen(open(places[n], O_PATH)), places[n]);
  mkdir("/tmp/a", 0755), mkdir("/tmp/a/b", 0755), mkdir("/tmp/c", 0755);
  int moved = open("/tmp/a/b", O_RDONLY | O_DIRECTORY);
  rename("/tmp/a/b", "/tmp/c/b");
  attempt(host_seen(moved), "a moved directory");
  unlinkat(AT_FDCWD, "/tmp/c/b", AT_REMOVEDIR);
  attempt(host_seen(moved), "a removed directory");
  for (int fd = 0; fd < 1024; ++fd)
    if (fd != moved) attempt(host_seen(fd), "an inherited descriptor");
  attempt(host_seen(open("/proc/1/cwd", O_PATH)), "init's working directory");
  attempt(host_seen(open("/proc/self/root", O_PATH)), "/proc/self/root");
  return contained();
}
