// what: sends credentials of other processes and users (unix(7), SCM_CREDENTIALS)
// expect: exited 0
// stdout: contained
#include <sys/socket.h>

#include "attempt.h"

static int forges(int over, struct ucred who) {
  char byte = 'x', room[CMSG_SPACE(sizeof who)] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_CREDENTIALS, head->cmsg_len = CMSG_LEN(sizeof who);
  memcpy(CMSG_DATA(head), &who, sizeof who);
  return sendmsg(over, &message, 0) >= 0;
}

int main(void) {
  int ends[2], on = 1;
  socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
  setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  attempt(!forges(ends[0], (struct ucred){getpid(), getuid(), getgid()}) && 0, "its own, which is allowed");
  attempt(forges(ends[0], (struct ucred){1, getuid(), getgid()}), "init's pid");
  attempt(forges(ends[0], (struct ucred){getpid(), 0, getgid()}), "root's uid");
  attempt(forges(ends[0], (struct ucred){getpid(), getuid(), 0}), "root's gid");
  return contained();
}
