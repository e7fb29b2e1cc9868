#pragma once
#include <arpa/inet.h>
#include <sys/socket.h>

#include <stdexcept>
#include <utility>

#include "sandbox/unique_fd.hpp"

namespace lazaret::tests {

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

/// A listening socket on a free port, and the port.
inline std::pair<sandbox::unique_fd, int> listen_on_loopback() {
  sandbox::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd.get(), 64) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error{"listen"};
  return {std::move(fd), ntohs(address.sin_port)};
}

inline sandbox::unique_fd connect_to(int port) {
  sandbox::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error{"connect"};
  return fd;
}

}  // namespace lazaret::tests
