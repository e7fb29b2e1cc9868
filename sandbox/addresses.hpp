#pragma once
/// Addresses of the Internet protocols as values, and which of them a jail may never reach: one table, of which the
/// jail's own routes and the judge outside of it are both made. Pure; any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lazaret::sandbox {

/// An IPv4 or IPv6 address in network order. IPv4 inside IPv6 (::ffff:a.b.c.d) is always told as IPv4: make it with
/// from_v6() or parse().
struct ip_address {
  std::array<std::uint8_t, 16> octets{};  ///< IPv4: the first four
  bool is_v6 = false;

  friend bool operator==(const ip_address&, const ip_address&) = default;
  friend auto operator<=>(const ip_address&, const ip_address&) = default;

  [[nodiscard]] static constexpr ip_address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return {{a, b, c, d}, false};
  }
  [[nodiscard]] static ip_address from_v4(std::span<const std::uint8_t, 4> octets);
  [[nodiscard]] static ip_address from_v6(std::span<const std::uint8_t, 16> octets);
  /// inet_pton(3)'s notations. Nothing when it is neither.
  [[nodiscard]] static std::optional<ip_address> parse(const std::string& text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return {octets.data(), is_v6 ? 16U : 4U}; }
};

/// All addresses that begin like `base`.
struct ip_range {
  ip_address base;
  std::uint8_t bits = 0;  ///< of the prefix
  std::string_view why;   ///< what it is, for people

  [[nodiscard]] bool contains(const ip_address& a) const noexcept;
};

/// Never to be reached from a jail: the IANA's special-purpose registries (RFC 6890 and its updates), what carries an
/// IPv4 address inside (NAT64, 6to4, Teredo, mapped: it would be judged by the wrong half), multicast, and clouds'
/// metadata services at addresses that look public.
[[nodiscard]] std::span<const ip_range> forbidden_ranges() noexcept;

/// Of IPv6, all that is public is in here (RFC 4291, the IANA's IPv6 address space): what is outside is forbidden.
[[nodiscard]] const ip_range& public_v6() noexcept;

/// Why no jail may reach this address; nothing when it may.
[[nodiscard]] std::optional<std::string_view> why_forbidden(const ip_address& a) noexcept;

}  // namespace lazaret::sandbox
