#include "sandbox/network.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

namespace lazaret::sandbox {

result<unique_fd> open_gateway(std::uint16_t port) {
  unique_fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!listener) return os_failure("gateway", "socket");
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  if (::ioctl(listener.get(), SIOCSIFFLAGS, &loopback) != 0) return os_failure("gateway", "bring lo up");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return os_failure("gateway", "bind 127.0.0.1:" + std::to_string(port));
  if (::listen(listener.get(), SOMAXCONN) != 0) return os_failure("gateway", "listen");
  return listener;
}

result<unique_fd> open_audit_channel(const char* path) {
  unique_fd receiver{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!receiver) return os_failure("audit_channel", "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (::bind(receiver.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return os_failure("audit_channel", std::string{"bind "} + path);
  return receiver;
}

}  // namespace lazaret::sandbox
