// what: calls the hypervisor and the host by vsock, which knows no network namespace (vsock(7))
// expect: exited 0
// stdout: contained
#include <sys/socket.h>

#include "attempt.h"

int main(void) {
  attempt(socket(AF_VSOCK, SOCK_STREAM, 0) >= 0, "stream");
  attempt(socket(AF_VSOCK, SOCK_DGRAM, 0) >= 0, "dgram");
  attempt(socket(AF_VSOCK, SOCK_SEQPACKET, 0) >= 0, "seqpacket");
  attempt(open("/dev/vsock", O_RDONLY) >= 0, "/dev/vsock");
  return contained();
}
