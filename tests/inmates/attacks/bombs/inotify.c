// what: makes inotify instances and watches until refused (inotify(7), max_user_instances and max_user_watches)
// expect: exited 0
// stdout: refused
// with: tmp=8M, memory=64M, wall=10s
#include <sys/inotify.h>
#include "bomb.h"

int main(void) {
  long instances = 0;
  int fd = -1, last = -1;
  for (; instances < 5000 && (fd = inotify_init1(IN_NONBLOCK)) >= 0; ++instances) last = fd;
  if (fd >= 0) unlimited("instances", instances);
  refused("instance", instances);
  for (long n = 0; n < 3000; ++n) {
    char name[64];
    sprintf(name, "/tmp/%ld", n);
    mkdir(name, 0700);
    if (inotify_add_watch(last, name, IN_ALL_EVENTS) < 0) break;
  }
  for (long n = 0; n < 3000; ++n) {  // a queue that nobody reads
    char name[64];
    sprintf(name, "/tmp/%ld/x", n % 100);
    close(open(name, O_CREAT | O_WRONLY, 0600));
    unlink(name);
  }
  return 0;
}
