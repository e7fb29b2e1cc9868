#include "sandbox/addresses.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace lazaret::sandbox {
namespace {

/// `::ffff:0:0/96`, RFC 4291 section 2.5.5.2.
constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// From the leading groups of 16 bits.
constexpr ip_address v6(std::uint16_t a, std::uint16_t b = 0, std::uint16_t c = 0) {
  ip_address made;
  made.is_v6 = true;
  std::size_t at = 0;
  for (const auto group : {a, b, c}) {
    made.octets[at++] = static_cast<std::uint8_t>(group >> 8);
    made.octets[at++] = static_cast<std::uint8_t>(group & 0xff);
  }
  return made;
}

constexpr auto v4 = ip_address::v4;

constexpr ip_range public_space{v6(0x2000), 3, "the public Internet"};

constexpr ip_range forbidden[] = {
    {v4(0, 0, 0, 0), 8, "this host (RFC 791)"},
    {v4(10, 0, 0, 0), 8, "private (RFC 1918)"},
    {v4(100, 64, 0, 0), 10, "shared by providers, and Alibaba's metadata (RFC 6598)"},
    {v4(127, 0, 0, 0), 8, "loopback (RFC 1122)"},
    {v4(168, 63, 129, 16), 32, "Azure's platform and metadata"},
    {v4(169, 254, 0, 0), 16, "link-local, and most clouds' metadata (RFC 3927)"},
    {v4(172, 16, 0, 0), 12, "private (RFC 1918)"},
    {v4(192, 0, 0, 0), 24, "protocol assignments, and Oracle's metadata (RFC 6890)"},
    {v4(192, 0, 2, 0), 24, "documentation, and the jail's own (RFC 5737)"},
    {v4(192, 88, 99, 0), 24, "6to4 relays (RFC 7526)"},
    {v4(192, 168, 0, 0), 16, "private (RFC 1918)"},
    {v4(198, 18, 0, 0), 15, "benchmarks (RFC 2544)"},
    {v4(198, 51, 100, 0), 24, "documentation (RFC 5737)"},
    {v4(203, 0, 113, 0), 24, "documentation (RFC 5737)"},
    {v4(224, 0, 0, 0), 4, "multicast (RFC 5771)"},
    {v4(240, 0, 0, 0), 4, "reserved, and broadcast (RFC 1112)"},
    {v6(0x2001), 23, "protocol assignments, of which Teredo holds IPv4 addresses (RFC 2928, RFC 4380)"},
    {v6(0x2001, 0x0db8), 32, "documentation, and the jail's own (RFC 3849)"},
    {v6(0x2002), 16, "6to4: holds an IPv4 address (RFC 3056)"},
    {v6(0x3fff), 20, "documentation (RFC 9637)"},
};

}  // namespace

ip_address ip_address::from_v4(std::span<const std::uint8_t, 4> octets) {
  return v4(octets[0], octets[1], octets[2], octets[3]);
}

ip_address ip_address::from_v6(std::span<const std::uint8_t, 16> octets) {
  if (std::equal(mapped.begin(), mapped.end(), octets.begin())) return from_v4(octets.last<4>());
  ip_address made;
  std::copy(octets.begin(), octets.end(), made.octets.begin());
  made.is_v6 = true;
  return made;
}

std::optional<ip_address> ip_address::parse(const std::string& text) {
  std::array<std::uint8_t, 16> octets{};
  if (::inet_pton(AF_INET, text.c_str(), octets.data()) == 1) return from_v4(std::span{octets}.first<4>());
  if (::inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) return from_v6(octets);
  return std::nullopt;
}

std::string ip_address::text() const {
  std::array<char, INET6_ADDRSTRLEN> room{};
  ::inet_ntop(is_v6 ? AF_INET6 : AF_INET, octets.data(), room.data(), room.size());
  return room.data();
}

bool ip_range::contains(const ip_address& a) const noexcept {
  if (a.is_v6 != base.is_v6) return false;
  const std::size_t whole = bits / 8, rest = bits % 8;
  if (!std::equal(base.octets.begin(), base.octets.begin() + whole, a.octets.begin())) return false;
  return rest == 0 || ((base.octets[whole] ^ a.octets[whole]) >> (8 - rest)) == 0;
}

std::span<const ip_range> forbidden_ranges() noexcept { return forbidden; }
const ip_range& public_v6() noexcept { return public_space; }

std::optional<std::string_view> why_forbidden(const ip_address& a) noexcept {
  const auto in = std::ranges::find_if(forbidden, [&](const ip_range& r) { return r.contains(a); });
  if (in != std::end(forbidden)) return in->why;
  if (a.is_v6 && !public_space.contains(a))
    return "not of the public Internet (loopback, link-local, unique local, NAT64, multicast, ...)";
  return std::nullopt;
}

}  // namespace lazaret::sandbox
