// what: makes calls that the observer is told of as fast as it can, from four processes, to keep the jailer busy
// expect: wall_timeout | cpu_timeout
// with: observe, wall=2s, cpu=4s, memory=48M
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  fork(), fork();
  struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = 80, .sin_addr.s_addr = 0x01020304};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  for (;;) {
    connect(fd, (struct sockaddr*)&nowhere, sizeof nowhere);
    close(memfd_create("x", 0));
  }
}
