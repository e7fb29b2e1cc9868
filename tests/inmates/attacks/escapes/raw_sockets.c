// what: sends and sniffs raw packets (packet(7), raw(7), CVE-2020-14386)
// expect: exited 0
// stdout: contained
// with: network=gateway
#include <sys/socket.h>

#include "attempt.h"

int main(void) {
  attempt(socket(AF_PACKET, SOCK_RAW, 0x300) >= 0, "AF_PACKET raw");
  attempt(socket(AF_PACKET, SOCK_DGRAM, 0x300) >= 0, "AF_PACKET dgram");
  attempt(socket(AF_INET, SOCK_PACKET, 0x300) >= 0, "SOCK_PACKET");
  attempt(socket(AF_INET, SOCK_RAW, 255) >= 0, "IPPROTO_RAW");
  attempt(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1) >= 0, "raw ICMP");
  attempt(socket(AF_INET6, SOCK_RAW, 58) >= 0, "raw ICMPv6");
  attempt(socket(AF_INET, SOCK_DGRAM, 1) >= 0, "a ping socket");
  attempt(socket(AF_XDP, SOCK_RAW, 0) >= 0, "AF_XDP");
  return contained();
}
