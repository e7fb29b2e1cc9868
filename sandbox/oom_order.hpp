#pragma once
/// Whom the kernel kills first when a jail's memory is used up: what the program started, never its init. Init is a
/// copy of the jailer and often the largest process of a jail that hoards the kernel's memory (buffers of pipes and
/// sockets, files in a tmpfs); killed for that before it could tell, it would take the outcome along. The program is
/// also what the kernel prefers when the host itself runs out.

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// Init's own oom_score_adj (proc(5)), opened while the host's /proc is in sight. Best effort: who dies first is a
/// matter of what is known afterwards, not of safety.
class oom_order {
 public:
  oom_order() = default;
  [[nodiscard]] static oom_order open() noexcept;
  void offer() const noexcept;  ///< before the fork: children inherit it
  void spare()
      const noexcept;  ///< after it; no more than was given needs no capability (__set_oom_adj(), fs/proc/base.c)

 private:
  unique_fd score_;
};

}  // namespace lazaret::sandbox
