#pragma once
/// Whose deed it is when a fatal signal ends this process: that of what the thread which got it worked on. Whatever
/// else the process had in its hands is innocent, and a process that is ended from outside (kill(2), the kernel's OOM
/// killer, the power) says nothing at all. What is written here is told to the store by last_words.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lazaret::actors {

/// What a thread works on, as the signal handler writes it: `KIND ID TOKEN`; nothing when it is of no claim.
struct deed {
  std::array<char, 160> text{};
  std::size_t length = 0;
  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), length}; }
};

/// As long as it lives, this thread works on that claim. Scopes nest, the innermost counts. A thread that is started
/// for the claim says so itself, with what here() said before. Cheap: no system call but for a thread's first.
class at_work {
 public:
  /// As in durable::claim.
  at_work(std::string_view kind, std::string_view id, std::uint64_t token) noexcept;
  explicit at_work(const deed& of) noexcept;
  ~at_work();
  at_work(const at_work&) = delete;
  at_work& operator=(const at_work&) = delete;

  [[nodiscard]] static deed here() noexcept;

 private:
  deed before_;
};

/// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT (std::terminate, assert, a heap that malloc found broken)
/// append a line `KIND ID TOKEN SIGNAL` to `fd` when the thread that they hit is at work and did it itself; then they
/// do what they did before. `fd` was opened with O_APPEND and is the caller's; -1: as before. One per process; not from
/// two threads at once.
void record_fatal_signals(int fd);

}  // namespace lazaret::actors
