// what: talks to the kernel over netlink: netfilter, audit, uevents, xfrm, generic (netlink(7), CVE-2024-1086)
// expect: exited 0
// stdout: contained
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "attempt.h"

int main(void) {
  for (int protocol = 1; protocol < 32; ++protocol)
    for (int type = SOCK_DGRAM; type <= SOCK_RAW; ++type)
      attempt(socket(AF_NETLINK, type, protocol) >= 0, "a protocol");
  int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
  } up = {{sizeof up, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0}, {AF_UNSPEC, 0, 0, 1, 1 /* IFF_UP */, 1}};
  send(route, &up, sizeof up, 0);
  struct {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char rest[512];
  } answer = {0};
  recv(route, &answer, sizeof answer, 0);
  errno = -answer.error.error;
  attempt(answer.head.nlmsg_type == NLMSG_ERROR && answer.error.error == 0, "bring a link up");
  return contained();
}
