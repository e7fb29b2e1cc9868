// what: fills the queues of as many Unix sockets as there are descriptors, in four processes
// expect: exited 0 | out_of_memory
// with: memory=48M, wall=10s
#include <sys/socket.h>
#include "bomb.h"

int main(void) {
  static char block[65536];
  fork(), fork();
  long filled = 0;
  for (long n = 1; n <= 4000; ++n) {
    int ends[2], most = 8 << 20;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) {
      refused("socket pair", n);
      return filled > 64 << 20 ? 1 : 0;
    }
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
    for (ssize_t wrote = 0; (wrote = write(ends[0], block, sizeof block)) > 0;) filled += wrote;
  }
  unlimited("socket pairs", 4000);
}
