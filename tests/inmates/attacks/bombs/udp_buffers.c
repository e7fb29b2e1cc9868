// what: fills the receive queues of UDP sockets on the loopback; on cgroup v1 they are counted only when asked for
// expect: exited 0 | out_of_memory
// with: network=gateway, memory=48M, wall=10s
#include <netinet/in.h>
#include <sys/socket.h>
#include "bomb.h"

int main(void) {
  static char block[60000];
  long filled = 0;
  for (long n = 1; n <= 900; ++n) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), most = 8 << 20;
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof self;
    if (fd < 0 || bind(fd, (struct sockaddr*)&self, size) != 0) {
      refused("socket", n);
      break;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &most, sizeof most);
    getsockname(fd, (struct sockaddr*)&self, &size);
    for (int sent = 0; sent < 16; ++sent)
      if (sendto(fd, block, sizeof block, 0, (struct sockaddr*)&self, size) < 0) break;
    int queued = 0;
    while (recv(fd, block, 1, MSG_PEEK | MSG_TRUNC) > 0 && queued++ < 1) filled += (int)sizeof block * 3;
  }
  printf("about %ld MiB\n", filled >> 20);
  if (filled > 64L << 20) unlimited("MiB", filled >> 20);
  return 0;
}
