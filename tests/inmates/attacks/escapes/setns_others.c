// what: joins the namespaces of its init, its parent and whatever fd it holds (setns(2))
// expect: exited 0
// stdout: contained
// with: proc
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "attempt.h"

int main(void) {
  static const char* const kinds[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time", "pid_for_children"};
  for (unsigned n = 0; n < sizeof kinds / sizeof *kinds; ++n) {
    char path[64];
    snprintf(path, sizeof path, "/proc/1/ns/%s", kinds[n]);
    int fd = open(path, O_RDONLY);
    attempt(fd >= 0 && setns(fd, 0) == 0, path);
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[n]);
    fd = open(path, O_RDONLY);
    attempt(fd >= 0 && setns(fd, 0) == 0, path);
    attempt(fd >= 0 && ioctl(fd, NS_GET_PARENT) >= 0, "NS_GET_PARENT");
    attempt(fd >= 0 && n > 0 && ioctl(fd, NS_GET_USERNS) >= 0 && setns(ioctl(fd, NS_GET_USERNS), 0) == 0,
            "NS_GET_USERNS");
  }
  int init = (int)syscall(SYS_pidfd_open, 1, 0);
  attempt(init >= 0 && setns(init, CLONE_NEWNS | CLONE_NEWPID) == 0, "setns to a pidfd of init");
  return contained();
}
