#include "tests/store/redis_proxy.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace lazaret::durable::test {

namespace {

sockaddr_un at(const std::string& path) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::strncpy(where.sun_path, path.c_str(), sizeof where.sun_path - 1);
  return where;
}

bool pass_on(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

lossy_proxy::lossy_proxy(std::string listen_at, std::string server_at) : server_at_{std::move(server_at)} {
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto where = at(listen_at);
  if (::bind(listening_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::listen(listening_, 64) != 0) {
    throw std::runtime_error{"bind " + listen_at};
  }
  thread_ = std::thread{[this] { serve(); }};
}

lossy_proxy::~lossy_proxy() {
  ends_ = true;
  thread_.join();
  for (auto& one : relays_) one.join();
  ::close(listening_);
}

void lossy_proxy::lose_next_reply_to(std::string marker) {
  marker_ = std::move(marker);
  lost_ = false;
  armed_ = true;
}

void lossy_proxy::serve() {
  while (!ends_) {
    pollfd one{listening_, POLLIN, 0};
    if (::poll(&one, 1, 20) <= 0) continue;
    const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) relays_.emplace_back([this, client] { relay(client); });
  }
}

void lossy_proxy::relay(int client) {
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto where = at(server_at_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0, loses = false;
  std::array<char, 65536> buffer;
  while (open && !ends_) {
    std::array<pollfd, 2> both{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    if (::poll(both.data(), both.size(), 20) <= 0) continue;
    if (both[0].revents != 0) {
      const auto got = ::recv(client, buffer.data(), buffer.size(), 0);
      const std::string_view bytes{buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
      if (armed_ && bytes.find(marker_) != std::string_view::npos) {
        armed_ = false;
        loses = true;
      }
      open = got > 0 && pass_on(server, bytes);
    }
    if (open && both[1].revents != 0) {
      const auto got = ::recv(server, buffer.data(), buffer.size(), 0);
      const std::string_view bytes{buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
      if (loses && bytes.starts_with("-NOSCRIPT")) {
        armed_ = true;  // that was no answer yet
        loses = false;
      } else if (loses) {
        lost_ = true;
        break;
      }
      open = got > 0 && pass_on(client, bytes);
    }
  }
  ::close(server);
  ::close(client);
}

}  // namespace lazaret::durable::test
