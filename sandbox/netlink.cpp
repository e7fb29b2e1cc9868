#include "sandbox/netlink.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

void netlink_batch::begin(std::uint16_t type, std::uint16_t flags, const char* what) {
  end();
  last_ = bytes_.size();
  steps_.push_back(what);
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = static_cast<std::uint32_t>(steps_.size());
  put(header);
}

void netlink_batch::end() {
  if (steps_.empty()) return;
  const auto size = static_cast<std::uint32_t>(bytes_.size() - last_);
  std::memcpy(bytes_.data() + last_, &size, sizeof size);  // nlmsg_len is the first member
}

void netlink_batch::attribute(std::uint16_t type, std::string_view bytes) {
  put(nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + bytes.size()), type});
  bytes_ += bytes;
  pad();
}

std::size_t netlink_batch::open(std::uint16_t type) {
  const auto at = bytes_.size();
  put(nlattr{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)});
  return at;
}

void netlink_batch::close(std::size_t at) {
  const auto size = static_cast<std::uint16_t>(bytes_.size() - at);
  std::memcpy(bytes_.data() + at, &size, sizeof size);  // nla_len is the first member
}

result<void> netlink_batch::send(int protocol) {
  end();
  const unique_fd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)};
  if (!socket) return os_failure("network", "netlink socket");
  const timeval patience{10, 0};  // the kernel answers within the call, unless it has to load a module
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(socket.get(), bytes_.data(), bytes_.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) < 0)
    return os_failure("network", "send netlink");
  alignas(nlmsghdr) std::array<char, 16 << 10> room;
  for (std::size_t heard = 0; heard < awaited_;) {
    const auto n = ::recv(socket.get(), room.data(), room.size(), 0);
    if (n < 0) return os_failure("network", "await netlink");
    auto left = static_cast<std::size_t>(n);
    for (const auto* at = reinterpret_cast<const nlmsghdr*>(room.data());
         left >= sizeof *at && at->nlmsg_len >= sizeof *at && at->nlmsg_len <= left;
         left -= std::min<std::size_t>(left, NLMSG_ALIGN(at->nlmsg_len)),
                     at = reinterpret_cast<const nlmsghdr*>(room.data() + static_cast<std::size_t>(n) - left)) {
      if (at->nlmsg_type != NLMSG_ERROR) continue;
      nlmsgerr answer{};
      std::memcpy(&answer, reinterpret_cast<const char*>(at) + sizeof *at, sizeof answer);
      const auto number = std::size_t{answer.msg.nlmsg_seq};
      const char* step = number >= 1 && number <= steps_.size() ? steps_[number - 1] : "netlink";
      if (answer.error != 0) return failure{"network", -answer.error, step, "has this kernel all of it?"};
      ++heard;
    }
  }
  return {};
}

}  // namespace lazaret::sandbox
