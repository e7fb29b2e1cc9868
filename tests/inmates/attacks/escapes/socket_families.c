// what: makes a socket of every family and type, to load the module behind it (socket(2), CVE-2017-6074,
//   CVE-2021-26708)
// expect: exited 0
// stdout: contained
#include <sys/socket.h>

#include "attempt.h"

int main(void) {
  for (int family = 0; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
    for (int type = 1; type < 11; ++type) {
      attempt(socket(family, type, 0) >= 0, "a family");
      if (errno != EAFNOSUPPORT) escaped("the kernel was asked");
    }
  }
  for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; ++type)
    for (int protocol = 1; protocol < 300; ++protocol) {
      if ((type == SOCK_STREAM && protocol == 6) || (type == SOCK_DGRAM && protocol == 17)) continue;
      attempt(socket(AF_INET, type, protocol) >= 0, "a protocol");
    }
  attempt(socket(AF_INET | 1 << 16, SOCK_STREAM, 0) >= 0, "a family out of range");
  return contained();
}
