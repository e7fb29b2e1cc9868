// what: sends a descriptor out, or asks for one, over what it inherited (unix(7), SCM_RIGHTS)
// expect: exited 0
// stdout: contained
#include <sys/socket.h>

#include "attempt.h"

static int passes(int over) {
  char byte = 'x', room[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET, rights->cmsg_type = SCM_RIGHTS, rights->cmsg_len = CMSG_LEN(sizeof(int));
  int fd = open("/dev/null", O_RDONLY);
  memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  return sendmsg(over, &message, MSG_DONTWAIT) >= 0 || recvmsg(over, &message, MSG_DONTWAIT) >= 0;
}

int main(void) {
  for (int fd = 0; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) attempt(passes(fd), "a descriptor");
  return contained();
}
