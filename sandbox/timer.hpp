#pragma once
/// A clock that an event loop can watch (timerfd_create(2)): readable once its time has come.

#include <chrono>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// CLOCK_MONOTONIC, not armed.
[[nodiscard]] result<unique_fd> make_timer();
/// Once, after `in`; a nanosecond if that is less. Replaces what it was armed for before.
void arm(int timer, std::chrono::nanoseconds in) noexcept;
void disarm(int timer) noexcept;

}  // namespace lazaret::sandbox
