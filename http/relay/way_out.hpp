#pragma once
/// How this host would reach an address, as its own routing table has it: asked for each connection of a jail's, since
/// what is public by its number may still be this host, or a neighbour of it behind the same firewall. (Networks with
/// public addresses, as all of IPv6 are, are not to be told from the Internet by a list of private ranges.)

#include <optional>
#include <string_view>

#include "sandbox/addresses.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::http {

enum class way : std::uint8_t {
  outwards,  ///< through a gateway, or by a default route
  home,      ///< this host itself, a broadcast of its networks, or a network that it is directly connected to
  no_way,    ///< there is no route
};

class way_out {
 public:
  way_out();
  /// Blocks for a system call or two. Not thread-safe. What can't be found out is way::home, which nobody may take.
  [[nodiscard]] way to(const sandbox::ip_address& a);

 private:
  sandbox::unique_fd socket_;
  std::uint32_t number_ = 0;
};

}  // namespace lazaret::http
