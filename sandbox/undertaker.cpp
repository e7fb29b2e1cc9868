#include "sandbox/undertaker.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sandbox/wire.hpp"

namespace lazaret::sandbox {
namespace {

/// Beyond that, jails end faster than the kernel cleans up, and who ends them is to feel it.
constexpr int most_waiting = 64;

/// A socket that only a message in its own queue refers to is for the kernel's collector, which closes what such
/// messages carry in a thread of its own (unix_gc() in net/unix/garbage.c; before Linux 6.10 whoever closes the
/// socket).
void leave_to_collector(unique_fd fd) noexcept {
  const auto ends = wire::make_channel();
  if (!ends) return;
  const std::array fds{ends->second.get(), fd.get()};
  (void)wire::send(ends->first.get(), ".", fds);
}

}  // namespace

result<undertaker> undertaker::make() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_failure("undertaker", "pipe2");
  unique_fd queue{ends[1]};
  if (::fcntl(queue.get(), F_SETFL, O_NONBLOCK) != 0) return os_failure("undertaker", "O_NONBLOCK");
  auto digger = companion::start("undertaker", [end = ends[0]] {
    for (;;) {
      int fd = -1;
      const auto size = ::read(end, &fd, sizeof fd);
      if (size < 0 && errno == EINTR) continue;
      if (size != sizeof fd) break;
      ::close(fd);
    }
    ::close(end);
  });
  if (!digger) return digger.error();
  return undertaker{std::move(queue), std::move(*digger)};
}

void undertaker::bury(unique_fd fd) noexcept {
  if (!fd) return;
  if (!queue_) return leave_to_collector(std::move(fd));
  const int number = fd.get();
  int waiting = 0;
  if (::ioctl(queue_.get(), FIONREAD, &waiting) != 0 || waiting >= most_waiting * int{sizeof number}) return;
  if (::write(queue_.get(), &number, sizeof number) == sizeof number) (void)fd.release();
}

}  // namespace lazaret::sandbox
