#include "actors/at_work.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace lazaret::actors {
namespace {

constexpr std::array fatal{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// Constant-initialised, and so without a guard: the handler may read it.
constinit thread_local deed current;
constinit std::atomic<int> record = -1;
std::array<struct sigaction, fatal.size()> former;

/// A thread whose stack is full can run a handler only on another one (sigaltstack(2)). Gone with the thread.
class alternate_stack {
 public:
  alternate_stack() {
    stack_t now{};
    if (::sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;  // a sanitizer's, which will do
    memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
    now = {memory_.get(), 0, size};
    if (::sigaltstack(&now, nullptr) != 0) memory_.reset();
  }
  ~alternate_stack() {
    const stack_t none{nullptr, SS_DISABLE, 0};
    if (memory_) ::sigaltstack(&none, nullptr);
  }

 private:
  static constexpr std::size_t size = 64 << 10;  // the kernel's frame with AVX-512 and AMX is 11 KiB of it
  std::unique_ptr<std::byte[]> memory_;
};

/// The handler of this very thread may come between any two of these lines.
void become(const deed& next) noexcept {
  current.length = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  current.text = next.text;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  current.length = next.length;
}

/// By an instruction of this thread's, or by its own raise() and abort(). What others send may hit any thread.
bool is_own(const siginfo_t& why) { return why.si_code > 0 || (why.si_code == SI_TKILL && why.si_pid == ::getpid()); }

/// Async-signal-safe (signal-safety(7)).
void speak(int number, siginfo_t* why, void*) {
  const int kept = errno;
  const int into = record.load();
  if (into >= 0 && current.length > 0 && is_own(*why)) {
    std::array<char, sizeof(deed) + 8> line;
    std::memcpy(line.data(), current.text.data(), current.length);
    auto* end = line.data() + current.length;
    *end++ = ' ';
    if (number >= 10) *end++ = static_cast<char>('0' + number / 10);
    *end++ = static_cast<char>('0' + number % 10);
    *end++ = '\n';
    [[maybe_unused]] const auto written = ::write(into, line.data(), static_cast<std::size_t>(end - line.data()));
  }
  // An instruction is tried again when this returns, and fails again, so that a core dump shows it; what was sent is
  // sent again, and waits until then.
  ::sigaction(number, &former[static_cast<std::size_t>(std::ranges::find(fatal, number) - fatal.begin())], nullptr);
  if (why->si_code <= 0) ::raise(number);
  errno = kept;
}

}  // namespace

at_work::at_work(std::string_view kind, std::string_view id, std::uint64_t token) noexcept : before_{current} {
  [[maybe_unused]] static thread_local const alternate_stack ready;
  deed mine;
  auto* at = mine.text.data();
  if (kind.size() <= 64 && id.size() <= 64) {  // the bounds of durable::name; then the token has room, too
    at = std::ranges::copy(kind, at).out;
    *at++ = ' ';
    at = std::ranges::copy(id, at).out;
    *at++ = ' ';
    at = std::to_chars(at, mine.text.data() + mine.text.size(), token).ptr;
  }
  mine.length = static_cast<std::size_t>(at - mine.text.data());
  become(mine);
}

at_work::at_work(const deed& of) noexcept : before_{current} {
  [[maybe_unused]] static thread_local const alternate_stack ready;
  become(of);
}

at_work::~at_work() { become(before_); }

deed at_work::here() noexcept { return current; }

void record_fatal_signals(int fd) {
  const bool before = record.exchange(fd) >= 0, after = fd >= 0;
  if (before == after) return;
  struct sigaction mine {};
  mine.sa_sigaction = speak;
  mine.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&mine.sa_mask);
  for (std::size_t n = 0; n < fatal.size(); ++n)
    after ? ::sigaction(fatal[n], &mine, &former[n]) : ::sigaction(fatal[n], &former[n], nullptr);
}

}  // namespace lazaret::actors
