// what: moves itself out of its cgroup, by name and by what its namespace shows (cgroups(7))
// expect: exited 0
// stdout: contained
// with: proc
#include "attempt.h"

int main(void) {
  static const char* const files[] = {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/tasks",
                                      "/sys/fs/cgroup/pids/tasks",   "/sys/fs/cgroup/unified/cgroup.procs",
                                      "/proc/self/cgroup",           "/proc/1/cgroup"};
  for (unsigned n = 0; n < sizeof files / sizeof *files; ++n) attempt(open(files[n], O_WRONLY) >= 0, files[n]);
  char text[4096] = {0};
  int own = open("/proc/self/cgroup", O_RDONLY);
  read(own, text, sizeof text - 1);
  attempt(strstr(text, "lazaret.") != NULL, "the group's name on the host");
  return contained();
}
