#include "http/relay/way_out.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace lazaret::http {
namespace {

struct question {
  nlmsghdr header{};
  rtmsg route{};
  nlattr destination{};
  std::array<std::uint8_t, 16> address{};
};

/// rtnetlink(7): attributes follow the message, each 4-byte aligned.
bool goes_through_gateway(std::string_view attributes) {
  while (attributes.size() >= sizeof(rtattr)) {
    rtattr one{};
    std::memcpy(&one, attributes.data(), sizeof one);
    if (one.rta_len < sizeof one || one.rta_len > attributes.size()) return false;
    const auto type = one.rta_type & NLA_TYPE_MASK;
    if (type == RTA_GATEWAY || type == RTA_VIA || type == RTA_MULTIPATH) return true;
    attributes.remove_prefix(std::min<std::size_t>(RTA_ALIGN(one.rta_len), attributes.size()));
  }
  return false;
}

}  // namespace

way_out::way_out() : socket_{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)} {
  const timeval patience{2, 0};  // the kernel answers within the request
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

way way_out::to(const sandbox::ip_address& a) {
  question q;
  const auto octets = a.bytes();
  q.header.nlmsg_type = RTM_GETROUTE;
  q.header.nlmsg_flags = NLM_F_REQUEST;
  q.header.nlmsg_seq = ++number_;
  q.header.nlmsg_len = static_cast<std::uint32_t>(offsetof(question, address) + octets.size());
  q.route.rtm_family = a.is_v6 ? AF_INET6 : AF_INET;
  q.route.rtm_dst_len = static_cast<std::uint8_t>(octets.size() * 8);
  q.route.rtm_flags = RTM_F_FIB_MATCH;  // the entry of the table, not the route made of it: its prefix is asked for
  q.destination.nla_type = RTA_DST;
  q.destination.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + octets.size());
  std::copy(octets.begin(), octets.end(), q.address.begin());
  if (::send(socket_.get(), &q, q.header.nlmsg_len, 0) < 0) return way::home;
  for (;;) {
    alignas(nlmsghdr) std::array<char, 8192> room;
    const auto n = ::recv(socket_.get(), room.data(), room.size(), 0);
    if (n < static_cast<ssize_t>(sizeof(nlmsghdr))) return way::home;
    nlmsghdr header{};
    std::memcpy(&header, room.data(), sizeof header);
    if (header.nlmsg_seq != number_) continue;  // of an earlier question that was given up
    if (header.nlmsg_type == NLMSG_ERROR) {
      nlmsgerr error{};
      std::memcpy(&error, room.data() + sizeof header, sizeof error.error);
      return error.error == -ENETUNREACH || error.error == -EHOSTUNREACH ? way::no_way : way::home;
    }
    rtmsg route{};
    if (static_cast<std::size_t>(n) < sizeof header + sizeof route) return way::home;
    std::memcpy(&route, room.data() + sizeof header, sizeof route);
    if (route.rtm_type == RTN_UNREACHABLE || route.rtm_type == RTN_BLACKHOLE || route.rtm_type == RTN_PROHIBIT)
      return way::no_way;
    if (route.rtm_type != RTN_UNICAST) return way::home;
    const auto skipped = sizeof header + NLMSG_ALIGN(sizeof route);
    const std::string_view attributes{room.data() + skipped, static_cast<std::size_t>(n) - skipped};
    return route.rtm_dst_len == 0 || goes_through_gateway(attributes) ? way::outwards : way::home;
  }
}

}  // namespace lazaret::http
