#include "sandbox/outbound_network.hpp"

// Before the kernel's headers, which then leave out what libc has declared (linux/libc-compat.h).
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
//
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/netlink.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

constexpr const char* interface = "eth0";
constexpr int loopback_index = 1;  // LOOPBACK_IFINDEX in the kernel's include/net/flow.h: of every namespace
constexpr int waiting = 256;       // connections that the relay has not taken yet

std::string_view view(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint8_t family_of(const ip_address& a) { return a.is_v6 ? AF_INET6 : AF_INET; }

/// Neither carries a packet anywhere. The Debian kernels have the first, Firecracker's only the second.
result<void> make_interface() {
  result<void> done;
  for (const char* kind : {"dummy", "bridge"}) {
    netlink_batch ask;
    ifinfomsg link{};
    link.ifi_family = AF_UNSPEC;
    link.ifi_flags = link.ifi_change = IFF_UP;
    ask.message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link, "make eth0");
    ask.text(IFLA_IFNAME, interface);
    ask.attribute(IFLA_ADDRESS, view(own_hardware_address));
    ask.nested(IFLA_LINKINFO, [&] { ask.text(IFLA_INFO_KIND, kind); });
    done = ask.send(NETLINK_ROUTE);
    if (done || done.error().error != EOPNOTSUPP) return done;
  }
  return failure{"network", EOPNOTSUPP, "make eth0", "the kernel has neither CONFIG_DUMMY nor CONFIG_BRIDGE"};
}

result<void> raise_loopback(int socket) {
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  if (::ioctl(socket, SIOCSIFFLAGS, &loopback) != 0) return os_failure("network", "bring lo up");
  return {};
}

result<unsigned> interface_index(int socket) {
  ifreq asked{};
  std::strcpy(asked.ifr_name, interface);
  if (::ioctl(socket, SIOCGIFINDEX, &asked) != 0) return os_failure("network", "find eth0");
  return static_cast<unsigned>(asked.ifr_ifindex);
}

void add_address(netlink_batch& ask, const ip_address& address, unsigned index) {
  ifaddrmsg message{};
  message.ifa_family = family_of(address);
  message.ifa_prefixlen = address.is_v6 ? 128 : 32;
  message.ifa_flags = IFA_F_NODAD;  // nobody is there to be asked whether the address is taken
  message.ifa_index = index;
  ask.message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, message, "give eth0 an address");
  ask.attribute(IFA_LOCAL, view(address.bytes()));
  ask.attribute(IFA_ADDRESS, view(address.bytes()));
}

/// What is local may be bound, too, so a program can listen at an address of the Internet's; nobody ever arrives there,
/// as tproxy gives each new connection to the relay's listener.
void add_route(netlink_batch& ask, std::uint8_t type, const ip_range& to) {
  rtmsg message{};
  message.rtm_family = family_of(to.base);
  message.rtm_dst_len = to.bits;
  message.rtm_table = RT_TABLE_MAIN;
  message.rtm_protocol = RTPROT_STATIC;
  message.rtm_scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  message.rtm_type = type;
  ask.message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, message, "add a route");
  if (to.bits != 0) ask.attribute(RTA_DST, view(to.base.bytes()));
  if (type != RTN_LOCAL) return;
  ask.attribute(RTA_PREFSRC, view((to.base.is_v6 ? own_v6 : own_v4).bytes()));
  ask.attribute(RTA_OIF, loopback_index);
}

void add_unreachable(netlink_batch& ask, bool of_v6) {
  for (const auto& range : forbidden_ranges())
    if (range.base.is_v6 == of_v6) add_route(ask, RTN_UNREACHABLE, range);
}

result<void> route_v4(unsigned index) {
  netlink_batch ask;
  add_address(ask, own_v4, index);
  add_route(ask, RTN_LOCAL, {});
  add_route(ask, RTN_LOCAL, {name_server, 32, {}});
  add_unreachable(ask, false);
  return ask.send(NETLINK_ROUTE);
}

/// False: there is no IPv6 here.
result<bool> route_v6(unsigned index) {
  netlink_batch first;
  add_address(first, own_v6, index);
  if (auto done = first.send(NETLINK_ROUTE); !done) {
    // EACCES: net.ipv6.conf.*.disable_ipv6; EOPNOTSUPP: ipv6.disable=1, or no CONFIG_IPV6.
    const int why = done.error().error;
    if (why == EACCES || why == EOPNOTSUPP || why == EAFNOSUPPORT) return false;
    return done.error();
  }
  netlink_batch ask;
  add_route(ask, RTN_LOCAL, public_v6());
  add_unreachable(ask, true);
  LAZARET_TRY(ask.send(NETLINK_ROUTE));
  return true;
}

/// nft(8) would call it `table ip lazaret { chain tcp { type filter hook prerouting priority mangle; ... } }`.
class redirection {
 public:
  redirection(netlink_batch& ask, std::uint8_t family) : ask_{ask}, family_{family} {}

  void make_chain() {
    begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, "nftables: make a table");
    ask_.text(NFTA_TABLE_NAME, name);
    begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, "nftables: make a chain");
    ask_.text(NFTA_CHAIN_TABLE, name);
    ask_.text(NFTA_CHAIN_NAME, name);
    ask_.nested(NFTA_CHAIN_HOOK, [this] {
      ask_.big_endian(NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
      ask_.big_endian(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(-150));  // mangle: where tproxy belongs
    });
    ask_.text(NFTA_CHAIN_TYPE, "filter");
  }

  /// To addresses that begin like this: let through as it is. `destination`: its place in the header.
  void spare(std::uint32_t destination, std::span<const std::uint8_t> beginning) {
    rule([&] {
      expression("payload", [&] {
        ask_.big_endian(NFTA_PAYLOAD_DREG, NFT_REG_1);
        ask_.big_endian(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
        ask_.big_endian(NFTA_PAYLOAD_OFFSET, destination);
        ask_.big_endian(NFTA_PAYLOAD_LEN, static_cast<std::uint32_t>(beginning.size()));
      });
      compare(view(beginning));
      expression("immediate", [&] {
        ask_.big_endian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        ask_.nested(NFTA_IMMEDIATE_DATA, [&] {
          ask_.nested(NFTA_DATA_VERDICT,
                      [&] { ask_.big_endian(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(NFT_RETURN)); });
        });
      });
    });
  }

  /// Everything else of TCP goes to the socket that listens on this port.
  void give_tcp_to(in_port_t port_in_network_order) {
    rule([&] {
      expression("meta", [&] {
        ask_.big_endian(NFTA_META_DREG, NFT_REG_1);
        ask_.big_endian(NFTA_META_KEY, NFT_META_L4PROTO);
      });
      constexpr char tcp = IPPROTO_TCP;
      compare({&tcp, 1});
      expression("immediate", [&] {
        ask_.big_endian(NFTA_IMMEDIATE_DREG, NFT_REG_1);
        ask_.nested(NFTA_IMMEDIATE_DATA, [&] { ask_.attribute(NFTA_DATA_VALUE, port_in_network_order); });
      });
      expression("tproxy", [&] {
        ask_.big_endian(NFTA_TPROXY_FAMILY, family_);
        ask_.big_endian(NFTA_TPROXY_REG_PORT, NFT_REG_1);
      });
    });
  }

 private:
  static constexpr const char* name = "lazaret";

  void begin(int message, std::uint16_t flags, const char* what) {
    ask_.message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message), flags,
                 nfgenmsg{family_, NFNETLINK_V0, 0}, what);
  }
  template <class Fill>
  void rule(Fill fill) {
    begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "nftables: add a rule (tproxy)");
    ask_.text(NFTA_RULE_TABLE, name);
    ask_.text(NFTA_RULE_CHAIN, name);
    ask_.nested(NFTA_RULE_EXPRESSIONS, fill);
  }
  template <class Fill>
  void expression(const char* kind, Fill fill) {
    ask_.nested(NFTA_LIST_ELEM, [&] {
      ask_.text(NFTA_EXPR_NAME, kind);
      ask_.nested(NFTA_EXPR_DATA, fill);
    });
  }
  void compare(std::string_view with) {
    expression("cmp", [&] {
      ask_.big_endian(NFTA_CMP_SREG, NFT_REG_1);
      ask_.big_endian(NFTA_CMP_OP, NFT_CMP_EQ);
      ask_.nested(NFTA_CMP_DATA, [&] { ask_.attribute(NFTA_DATA_VALUE, with); });
    });
  }

  netlink_batch& ask_;
  std::uint8_t family_;
};

result<void> redirect(in_port_t port_in_network_order, bool with_v6) {
  // `res_id` names the subsystem, in network order (nfnetlink_rcv_batch() in net/netfilter/nfnetlink.c).
  constexpr nfgenmsg mark{AF_UNSPEC, NFNETLINK_V0, __builtin_bswap16(NFNL_SUBSYS_NFTABLES)};
  netlink_batch ask;
  ask.mark(NFNL_MSG_BATCH_BEGIN, mark);
  redirection v4{ask, NFPROTO_IPV4};
  v4.make_chain();
  constexpr std::uint8_t loopback[] = {127};
  v4.spare(16, loopback);
  v4.spare(16, own_v4.bytes());
  v4.give_tcp_to(port_in_network_order);
  if (with_v6) {
    redirection v6{ask, NFPROTO_IPV6};
    v6.make_chain();
    constexpr ip_address itself{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, true};
    v6.spare(24, itself.bytes());
    v6.spare(24, own_v6.bytes());
    v6.give_tcp_to(port_in_network_order);
  }
  ask.mark(NFNL_MSG_BATCH_END, mark);
  return ask.send(NETLINK_NETFILTER);
}

/// Takes both protocols where there are both. IP_TRANSPARENT is what tproxy asks of a socket.
result<unique_fd> open_listener(bool with_v6) {
  unique_fd listener{::socket(with_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!listener) return os_failure("network", "socket");
  const int on = 1, off = 0;
  if (::setsockopt(listener.get(), SOL_IP, IP_TRANSPARENT, &on, sizeof on) != 0 ||
      (with_v6 && ::setsockopt(listener.get(), SOL_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0))
    return os_failure("network", "IP_TRANSPARENT");
  sockaddr_in6 any{};  // as sockaddr_in it is any address and any port, too
  any.sin6_family = with_v6 ? AF_INET6 : AF_INET;
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&any), with_v6 ? sizeof any : sizeof(sockaddr_in)) != 0)
    return os_failure("network", "bind");
  if (::listen(listener.get(), waiting) != 0) return os_failure("network", "listen");
  return listener;
}

/// Both kinds of socket address have the port in the same place.
result<in_port_t> port_of(const unique_fd& socket) {
  sockaddr_in6 bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return os_failure("network", "getsockname");
  return bound.sin6_port;
}

/// Once there are routes: in a namespace that has none, bind(2) takes every address for a broadcast one, and then sends
/// from another (inet_bind() and __inet_dev_addr_type() in net/ipv4).
result<unique_fd> open_name_server() {
  unique_fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return os_failure("network", "socket");
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_IP, IP_TRANSPARENT, &on, sizeof on) != 0)
    return os_failure("network", "IP_TRANSPARENT");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(name_port);
  std::memcpy(&address.sin_addr, name_server.octets.data(), sizeof address.sin_addr);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return os_failure("network", "bind the name server's address");
  return socket;
}

}  // namespace

result<outbound_ends> open_outbound() {
  const unique_fd control{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!control) return os_failure("network", "socket");
  LAZARET_TRY(raise_loopback(control.get()));
  LAZARET_TRY(make_interface());
  auto index = interface_index(control.get());
  if (!index) return index.error();
  LAZARET_TRY(route_v4(*index));
  auto with_v6 = route_v6(*index);
  if (!with_v6) return with_v6.error();
  auto names = open_name_server();
  if (!names) return names.error();
  auto connections = open_listener(*with_v6);
  if (!connections) return connections.error();
  auto port = port_of(*connections);
  if (!port) return port.error();
  LAZARET_TRY(redirect(*port, *with_v6));
  return outbound_ends{std::move(*connections), std::move(*names)};
}

}  // namespace lazaret::sandbox
