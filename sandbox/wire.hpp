#pragma once
/// Bytes and file descriptors between the service, the jailer and a jail's init: SOCK_SEQPACKET messages with
/// SCM_RIGHTS (unix(7)). One message is at most `max_message` bytes and `max_fds` descriptors.
/// The reader takes its input for hostile: every length is checked against what is there before it is used.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox::wire {

inline constexpr std::size_t max_message = 64 << 10;
inline constexpr std::size_t max_fds = 8;

/// Appends integers (little-endian, as this machine: both ends run on it) and length-prefixed text.
class writer {
 public:
  template <std::integral T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

/// After the first thing that does not fit, everything reads as zero or empty and ok() stays false.
class reader {
 public:
  explicit reader(std::string_view bytes) : rest_{bytes} {}

  template <std::integral T>
  T number() {
    T value{};
    const auto raw = take(sizeof value);
    if (raw.size() == sizeof value) std::copy(raw.begin(), raw.end(), reinterpret_cast<char*>(&value));
    return value;
  }
  /// A `bool` of any other byte than 0 or 1 would be undefined behaviour.
  bool flag() { return number<std::uint8_t>() != 0; }
  std::string text() { return std::string{take(number<std::uint32_t>())}; }
  /// How many elements follow. None takes less than `least` bytes, so a lie can't make us reserve memory.
  std::uint32_t count(std::size_t least) {
    const auto n = number<std::uint32_t>();
    if (n > rest_.size() / least) fail();
    return ok_ ? n : 0;
  }
  void fail() noexcept {
    ok_ = false;
    rest_ = {};
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// Everything was understood and nothing is left over.
  [[nodiscard]] bool complete() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t n) {
    if (n > rest_.size()) {
      fail();
      return {};
    }
    const auto taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  std::string_view rest_;
  bool ok_ = true;
};

struct message {
  std::string bytes;
  std::vector<unique_fd> fds;
  [[nodiscard]] bool closed() const noexcept { return bytes.empty(); }  ///< the peer is gone
};

/// Two connected ends, close-on-exec.
[[nodiscard]] result<std::pair<unique_fd, unique_fd>> make_channel();

/// Never blocks; error EAGAIN when the peer doesn't read. `fds` stay the caller's.
[[nodiscard]] result<void> send(int socket, std::string_view bytes, std::span<const int> fds = {});
/// Never blocks; error EAGAIN when nothing is there, EMSGSIZE when it did not fit. Received fds are close-on-exec.
[[nodiscard]] result<message> receive(int socket);
/// Blocks up to `patience`. Error ETIMEDOUT after it.
[[nodiscard]] result<void> send_within(int socket, std::string_view bytes, std::span<const int> fds,
                                       std::chrono::milliseconds patience);
[[nodiscard]] result<message> receive_within(int socket, std::chrono::milliseconds patience);

/// A sealed memfd for what does not fit in one message.
[[nodiscard]] result<unique_fd> seal(std::string_view bytes);
/// Refuses what is not a sealed memfd: reading any other kind of file could block.
[[nodiscard]] result<std::string> unseal(int memfd, std::size_t limit);

}  // namespace lazaret::sandbox::wire
