// what: asks the kernel's crypto for a socket (AF_ALG, CVE-2019-8912)
// expect: exited 0
// stdout: contained
#include <sys/socket.h>

#include "attempt.h"

int main(void) {
  attempt(socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0, "AF_ALG");
  int pair[2];
  attempt(socketpair(AF_ALG, SOCK_SEQPACKET, 0, pair) == 0, "AF_ALG pair");
  return contained();
}
