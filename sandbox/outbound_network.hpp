#pragma once
/// The inside of a jail with network mode `outbound`; see outbound.hpp for what it amounts to.
///
///   eth0            a dummy, or where the kernel has none a bridge without ports: an address, and nobody behind it
///   routes          every public address is local (`ip route add local default dev lo`), those that no jail may reach
///                   are unreachable, so that a program learns it at once
///   nftables        TCP to all but the jail's own addresses is given to one listener, whatever its port (`tproxy`).
///   Not
///                   `redirect`: that needs connection tracking, whose entries a jail could have the kernel make by the
///                   hundred thousand, charged to nobody
///
/// The jailed program holds no capability and can change none of it. Runs in the cloned child, as its first root,
/// before the capabilities go. Needs nf_tables with tproxy (CONFIG_NFT_TPROXY; Debian has it); IPv6 is left out where
/// the host has none or has it switched off.

#include "sandbox/failure.hpp"
#include "sandbox/outbound.hpp"

namespace lazaret::sandbox {

[[nodiscard]] result<outbound_ends> open_outbound();

}  // namespace lazaret::sandbox
