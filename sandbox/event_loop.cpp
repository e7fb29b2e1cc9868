#include "sandbox/event_loop.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

namespace lazaret::sandbox {

result<event_loop> event_loop::make() {
  unique_fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return os_failure("event_loop", "epoll_create1");
  return event_loop{std::move(epoll)};
}

result<void> event_loop::watch(int fd, handler handle) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = (std::uint64_t{++serial_} << 32) | static_cast<std::uint32_t>(fd);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return os_failure("event_loop", "epoll_ctl");
  watched_[fd] = {serial_, std::make_shared<handler>(std::move(handle))};
  return {};
}

void event_loop::forget(int fd) {
  if (watched_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

result<void> event_loop::turn(int milliseconds) {
  std::array<epoll_event, 64> events{};
  const int n = ::epoll_wait(epoll_.get(), events.data(), events.size(), milliseconds);
  if (n < 0 && errno != EINTR) return os_failure("event_loop", "epoll_wait");
  for (int i = 0; i < n; ++i) {
    const auto found = watched_.find(static_cast<int>(events[i].data.u64 & 0xffffffff));
    if (found == watched_.end() || found->second.serial != events[i].data.u64 >> 32) continue;
    const auto handle = found->second.handle;  // kept alive while it runs, should it forget itself
    (*handle)();
  }
  for (const auto& task : std::exchange(later_, {})) task();
  return {};
}

}  // namespace lazaret::sandbox
