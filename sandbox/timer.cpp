#include "sandbox/timer.hpp"

#include <sys/timerfd.h>

#include <algorithm>

namespace lazaret::sandbox {

result<unique_fd> make_timer() {
  unique_fd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!timer) return os_failure("start_jail", "timerfd_create");
  return timer;
}

void arm(int timer, std::chrono::nanoseconds in) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(in);
  itimerspec when{};
  when.it_value = {seconds.count(), std::max<long>((in - seconds).count(), 1)};
  ::timerfd_settime(timer, 0, &when, nullptr);
}

void disarm(int timer) noexcept {
  const itimerspec never{};
  ::timerfd_settime(timer, 0, &never, nullptr);
}

}  // namespace lazaret::sandbox
