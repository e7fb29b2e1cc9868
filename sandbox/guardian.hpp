#pragma once
/// Looks after the only jail of a process that is its own jailer (`lazaret jail`) when that process can't: it was
/// killed, or is stopped. And while that process has other things to do, makes the jail's network namespace.
///
/// A process that shares the jailer's memory and descriptors, and for that is made in a fraction of the time that a
/// copy takes (companion.hpp). It sleeps by the time the jail is cloned, so that nobody's pages have to be flushed for
/// it. It does nothing but system calls, and those by itself: errno is the jailer's. In a session of its own, so that
/// what ends or stops all processes at a terminal leaves it alone.

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string_view>

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

class guardian {
 public:
  /// `longest`: after so long the jail is killed, whatever its jailer does: longer than the jailer itself would let it
  /// live. Call while single-threaded, and before anything that guard() is for.
  [[nodiscard]] static result<std::unique_ptr<guardian>> start(std::chrono::milliseconds longest);
  guardian(const guardian&) = delete;
  /// Ends it, and with that its care.
  ~guardian();

  /// An empty network namespace as spare_networks.hpp has them, to be closed by who takes it, and the jailer's own, to
  /// return to. -1, -1: not yet ready, or none can be had.
  struct network {
    int fresh = -1, home = -1;
  };
  [[nodiscard]] network take_network() noexcept;

  /// Where the kernel is to put the pidfd of the jail's init (clone3(2)): from the moment that there is one. It stays
  /// open as long as this lives.
  [[nodiscard]] int& init() noexcept;
  /// A control group that will be made in the directory `parent`, an fd that stays open. At most four, with names of
  /// less than 32 bytes; what is more is not looked after.
  void guard(int parent, std::string_view name) noexcept;

 private:
  struct charge;
  guardian() noexcept;
  static int look_after(void* what);
  std::unique_ptr<charge> charge_;
  pid_t pid_ = -1;
};

}  // namespace lazaret::sandbox
