#pragma once
/// Network mode `outbound`: what the inside and the outside of such a jail agree on.
///
/// Inside there is a world of one machine. Interface eth0 leads nowhere; every public address is local to the jail's
/// namespace, and each connection to one, on whatever port, arrives at one listening socket (outbound_network.hpp). The
/// holder of that socket, outside, sees where a connection wanted to go by its local address (getsockname(2)), judges
/// that, and carries the bytes there and back. So no packet of a jail's ever reaches the host's network, no interface,
/// route or firewall rule of the host is touched, and the kernel keeps no connection table for it.

#include <cstdint>

#include "sandbox/addresses.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// Of documentation, so that nobody on the Internet has them.
inline constexpr ip_address own_v4 = ip_address::v4(192, 0, 2, 2);
inline constexpr ip_address own_v6{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, true};
/// Where /etc/resolv.conf sends the questions for names: answered outside, over UDP and TCP.
inline constexpr ip_address name_server = ip_address::v4(192, 0, 2, 53);
inline constexpr std::uint16_t name_port = 53;
/// eth0's; the second bit says that nobody gave it out (IEEE 802).
inline constexpr std::array<std::uint8_t, 6> own_hardware_address{2, 0, 0, 0, 0, 2};

/// What leaves the jail's namespace by descriptor. Whoever holds one of them, or a connection that came of it, keeps
/// the namespace alive.
struct outbound_ends {
  unique_fd connections;  ///< listens; getsockname(2) of what it accepts says where that wanted to go
  unique_fd names;        ///< receives datagrams to the name server; what it sends comes from there
};

/// Sets the mode, and the files of /etc by which libc finds the name server. Replaces files of the same names.
void allow_outbound(policy& what);

/// Tells the program of its interfaces where it may look for them without a socket: /sys/class/net, as files. Costs a
/// jail's start some ten files; call after the mode is set.
void show_interfaces(policy& what);

}  // namespace lazaret::sandbox
