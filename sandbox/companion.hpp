#pragma once
/// A process that works for the jailer: it shares the jailer's descriptors, so that either closes or opens one for
/// both, but not its memory.
///
/// Not a thread: a page that the jailer writes to after it has cloned a jail is copied, and with a thread of its own on
/// another processor each such copy waits until that one has forgotten the old page (ptep_clear_flush() in
/// mm/pgtable-generic.c, an interrupt between processors): a tenth of a millisecond of every jail.

#include <sys/types.h>

#include <utility>

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

class companion {
 public:
  companion() = default;
  /// `work` returns when what it reads from has been closed, and is ended with the jailer in any case. It has one
  /// thread; what it changes in memory, only it sees. `name`: at most 15 characters.
  template <class Work>
  [[nodiscard]] static result<companion> start(const char* name, Work work) {
    const pid_t pid = clone_self(name);
    if (pid < 0) return os_failure("companion", name);
    if (pid == 0) {
      work();
      leave();
    }
    return companion{pid};
  }
  companion(companion&& other) noexcept : pid_{std::exchange(other.pid_, -1)} {}
  companion& operator=(companion&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  /// Waits for its end: close first what it reads from.
  ~companion();

 private:
  explicit companion(pid_t pid) : pid_{pid} {}
  static pid_t clone_self(const char* name) noexcept;
  [[noreturn]] static void leave() noexcept;
  pid_t pid_ = -1;
};

}  // namespace lazaret::sandbox
