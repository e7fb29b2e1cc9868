#pragma once
/// Netlink messages (netlink(7), rtnetlink(7), Linux's netfilter/nf_tables.h) written by hand: Debian has no static
/// libnftnl, libnftables or libmnl, and the jailer is a static program. Runs in a jail's set-up, single-threaded.

#include <linux/netlink.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

/// Several requests that go to the kernel in one go, in their order.
///
///   batch.message(RTM_NEWADDR, NLM_F_CREATE, ifaddrmsg{...}, "give eth0 an address");
///   batch.attribute(IFA_LOCAL, address);
///   batch.send(NETLINK_ROUTE);
class netlink_batch {
 public:
  /// `what` names the step in a failure. NLM_F_REQUEST and NLM_F_ACK are added.
  template <class Header>
  void message(std::uint16_t type, std::uint16_t flags, const Header& header, const char* what) {
    begin(type, static_cast<std::uint16_t>(NLM_F_ACK | flags), what);
    ++awaited_;
    put(header);
  }
  /// Around a transaction of nf_tables, which does not acknowledge it.
  template <class Header>
  void mark(std::uint16_t type, const Header& header) {
    begin(type, 0, "nftables");
    put(header);
  }
  void attribute(std::uint16_t type, std::string_view bytes);
  template <class Value>
  requires std::is_trivially_copyable_v<Value> &&
      (!std::is_convertible_v<const Value&, std::string_view>)void attribute(std::uint16_t type, const Value& value) {
    attribute(type, std::string_view{reinterpret_cast<const char*>(&value), sizeof value});
  }
  /// As nf_tables wants its numbers.
  void big_endian(std::uint16_t type, std::uint32_t value) { attribute(type, __builtin_bswap32(value)); }
  /// A NUL-terminated one, as names are.
  void text(std::uint16_t type, const char* value) { attribute(type, std::string_view{value, std::strlen(value) + 1}); }
  /// Attributes within an attribute: `fill` adds them.
  template <class Fill>
  void nested(std::uint16_t type, Fill fill) {
    const auto at = open(type);
    fill();
    close(at);
  }

  /// Sends all and waits until the kernel has done them. The first refusal is the failure; whether later ones were
  /// still done is the protocol's affair (rtnetlink: yes; a transaction of nf_tables: no).
  [[nodiscard]] result<void> send(int protocol);

 private:
  void begin(std::uint16_t type, std::uint16_t flags, const char* what);
  void end();
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    pad();
  }
  void pad() { bytes_.append((4 - bytes_.size() % 4) % 4, '\0'); }
  [[nodiscard]] std::size_t open(std::uint16_t type);
  void close(std::size_t at);

  std::string bytes_;
  std::size_t last_ = 0;            ///< where the last message begins
  std::vector<const char*> steps_;  ///< by sequence number, from 1
  std::size_t awaited_ = 0;
};

}  // namespace lazaret::sandbox
