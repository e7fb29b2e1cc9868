// jail::wait: the pump between a running jail and whoever asked for it.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sandbox/jailer.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/speaker.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;
using sink = std::function<void(std::string_view)>;

constexpr std::size_t chunk = 64 << 10;
constexpr std::size_t longest_datagram = 16 << 10;
constexpr unsigned datagrams_at_once = 16;
/// A jailer that has said nothing for so long after the wall time is taken for lost.
constexpr std::chrono::seconds grace{30};

/// One stream with its cap. What is over the cap is still read, so that the program is not stopped by a full pipe.
class capped_stream {
 public:
  capped_stream(unique_fd& fd, const sink& to, std::uint64_t cap, std::uint64_t& total, const speaker& valve)
      : fd_{fd}, to_{to}, left_{cap}, total_{total}, valve_{valve} {}

  /// Reads what is there, at most a few buffers so that one stream can't starve the others. True: over the cap.
  bool pump() {
    std::array<char, chunk> buffer;
    for (int turn = 0; turn < 16 && fd_ && !is_held(); ++turn) {
      const auto n = ::read(fd_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) break;
      if (n <= 0) {
        fd_.reset();
        break;
      }
      const auto got = static_cast<std::uint64_t>(n);
      total_ += got;
      const auto kept = std::min(got, left_);
      left_ -= kept;
      exceeded_ = exceeded_ || kept < got;
      if (kept != 0 && to_) to_({buffer.data(), static_cast<std::size_t>(kept)});
      more_ = got == buffer.size();
      if (!more_) break;
    }
    return exceeded_;
  }
  /// After the last writer is gone: to the end.
  void drain() {
    ended_ = true;
    while (fd_) {
      const auto before = total_;
      pump();
      if (fd_ && total_ == before) break;
    }
  }
  [[nodiscard]] bool exceeded() const noexcept { return exceeded_; }
  [[nodiscard]] int fd() const noexcept { return is_held() ? -1 : fd_.get(); }

 private:
  [[nodiscard]] bool is_held() const noexcept { return !ended_ && valve_.holds_output(); }

  unique_fd& fd_;
  const sink& to_;
  std::uint64_t left_;
  std::uint64_t& total_;
  const speaker& valve_;
  bool ended_ = false;
  bool exceeded_ = false;
  bool more_ = false;
};

/// Splits a stream into lines; a line is handed on without its end.
class line_reader {
 public:
  line_reader(unique_fd& fd, const sink& to) : fd_{fd}, to_{to} {}
  void pump() {
    std::array<char, chunk> buffer;
    while (fd_) {
      const auto n = ::read(fd_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) return fd_.reset();
      pending_.append(buffer.data(), static_cast<std::size_t>(n));
      std::size_t from = 0;
      for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', from)) {
        if (to_) to_(std::string_view{pending_}.substr(from, end - from));
        from = end + 1;
      }
      pending_.erase(0, from);
    }
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  unique_fd& fd_;
  const sink& to_;
  std::string pending_;
};

/// Datagrams from inside. A full queue stops the sender, so they are fetched many at a time.
class datagram_reader {
 public:
  datagram_reader(unique_fd& fd, const sink& to)
      : fd_{fd}, to_{to}, buffers_(fd ? datagrams_at_once * longest_datagram : 0) {
    for (unsigned i = 0; i < datagrams_at_once && fd; ++i) {
      pieces_[i] = {buffers_.data() + i * longest_datagram, longest_datagram};
      headers_[i].msg_hdr.msg_iov = &pieces_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  /// True: there may be more. No control buffer: descriptors that a program sends along are dropped by the kernel.
  bool pump() {
    if (!fd_) return false;
    const int n = ::recvmmsg(fd_.get(), headers_.data(), headers_.size(), MSG_DONTWAIT, nullptr);
    for (int i = 0; i < n; ++i)
      if (to_)
        to_({buffers_.data() + static_cast<std::size_t>(i) * longest_datagram,
             headers_[static_cast<std::size_t>(i)].msg_len});
    return n > 0;
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  unique_fd& fd_;
  const sink& to_;
  std::vector<char> buffers_;
  std::array<iovec, datagrams_at_once> pieces_{};
  std::array<mmsghdr, datagrams_at_once> headers_{};
};

}  // namespace

result<outcome> jail::wait(const jail_sinks& sinks, std::stop_token stop, conversation* talk, unique_fd input) {
  unique_fd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake) return os_failure("jail", "eventfd");
  const std::stop_callback on_stop{stop, [fd = wake.get()] { ::eventfd_write(fd, 1); }};
  const auto deadline = std::chrono::steady_clock::now() + limits_.wall + grace;

  if (has_terminal_) input.reset(::fcntl(stdout_.get(), F_DUPFD_CLOEXEC, 0));
  speaker mouth{talk, std::move(input), channel_.get(), has_terminal_};
  capped_stream out{stdout_, sinks.on_stdout, limits_.output.count, totals_.stdout_bytes, mouth};
  capped_stream err{stderr_, sinks.on_stderr, limits_.output.count, totals_.stderr_bytes, mouth};
  datagram_reader audit{audit_, sinks.on_audit};
  line_reader observations{observations_, sinks.on_observation};
  bool told = false;

  const auto pump_all = [&] {
    out.pump();
    err.pump();
    for (int turn = 0; turn < 16 && audit.pump(); ++turn) {
    }
    observations.pump();
    totals_.truncated = out.exceeded() || err.exceeded();
    if (totals_.truncated && !told && limits_.when_output_exceeds == on_output_limit::kill) {
      told = true;
      (void)wire::send(channel_.get(), protocol::encode(kind::exceeded));
    }
  };

  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return failure{"jailer", ETIMEDOUT, "the jailer process did not end the jail", {}};
    std::array watched{pollfd{channel_.get(), POLLIN, 0},
                       pollfd{wake.get(), POLLIN, 0},
                       pollfd{out.fd(), POLLIN, 0},
                       pollfd{err.fd(), POLLIN, 0},
                       pollfd{audit.fd(), POLLIN, 0},
                       pollfd{observations.fd(), POLLIN, 0},
                       mouth.wake(),
                       mouth.room()};
    if (::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(left, 1 << 30))) < 0 &&
        errno != EINTR)
      return os_failure("jail", "poll");
    mouth.turn();
    pump_all();
    if (watched[1].revents != 0) {
      eventfd_t ignored = 0;
      ::eventfd_read(wake.get(), &ignored);
      ::shutdown(channel_.get(), SHUT_WR);  // the jailer sees the end of us, and can still tell how it went
    }
    if (watched[0].revents == 0) continue;

    auto said = wire::receive(channel_.get());
    if (!said && said.error().error == EAGAIN) continue;
    if (!said) return said.error();
    if (said->closed()) return failure{"jailer", 0, "the jailer process ended while the jail ran", {}};
    const auto body = std::string_view{said->bytes}.substr(1);
    if (static_cast<kind>(said->bytes.front()) != kind::ended) return protocol::decode_failure(body);
    auto how = protocol::decode<outcome>(body);
    out.drain();
    err.drain();
    while (audit.pump()) {
    }
    pump_all();
    return how;
  }
}

}  // namespace lazaret::sandbox
