#include "sandbox/guardian.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace lazaret::sandbox {
namespace {

constexpr const char* own_network = "/proc/thread-self/ns/net";
constexpr std::uint64_t every_signal = ~0ULL, jailer_ended = 1ULL << (SIGUSR1 - 1);
constexpr int most_attempts = 1000;
constexpr timespec between_attempts{0, 1'000'000};

/// As syscall(2), but the errno is in what it returns.
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) noexcept {
  register long fourth asm("r10") = d;
  asm volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
  return number;
}

long address(const void* of) noexcept { return reinterpret_cast<long>(of); }

struct group {
  int parent;
  std::array<char, 32> name;
};

}  // namespace

struct guardian::charge {
  pid_t jailer;
  timespec longest;
  std::atomic<int> fresh = -1, home = -1;
  volatile int init = -1;  // the kernel writes it
  std::atomic<unsigned> groups = 0;
  std::array<group, 4> all_groups;
  pollfd gone;
  alignas(16) std::array<char, 64 << 10> stack;

  void make_network() noexcept {
    const auto old = call(SYS_openat, AT_FDCWD, address(own_network), O_RDONLY | O_CLOEXEC);
    // Of another user namespace: nobody could return to it (setns(2)).
    if (old < 0 || call(SYS_setns, old, CLONE_NEWNET) != 0 || call(SYS_unshare, CLONE_NEWNET) != 0) return;
    const auto made = call(SYS_openat, AT_FDCWD, address(own_network), O_RDONLY | O_CLOEXEC);
    (void)call(SYS_setns, old, CLONE_NEWNET);  // else it would outlive its jail
    home = static_cast<int>(old);
    fresh = static_cast<int>(made);
  }
  void kill_init() noexcept {
    if (init >= 0) (void)call(SYS_pidfd_send_signal, init, SIGKILL);
  }
  void wait_for_init() noexcept {
    gone = {init, POLLIN, 0};
    if (init >= 0) (void)call(SYS_poll, address(&gone), 1, most_attempts);
  }
  void wait_for_jailer() noexcept {
    for (bool in_time = true; call(SYS_getppid) == jailer;) {
      const auto got =
          call(SYS_rt_sigtimedwait, address(&jailer_ended), 0, in_time ? address(&longest) : 0, sizeof jailer_ended);
      if (got != -EAGAIN) continue;
      in_time = false;
      kill_init();
    }
  }
  void remove_groups() noexcept {
    for (unsigned n = 0; n < groups; ++n) {
      const auto& [parent, name] = all_groups[n];
      for (int attempt = 0; attempt < most_attempts; ++attempt) {
        if (call(SYS_unlinkat, parent, address(name.data()), AT_REMOVEDIR) != -EBUSY) break;
        (void)call(SYS_nanosleep, address(&between_attempts));
      }
    }
  }
};

int guardian::look_after(void* what) {
  auto& all = *static_cast<charge*>(what);
  (void)call(SYS_rt_sigprocmask, SIG_SETMASK, address(&every_signal), 0, sizeof every_signal);
  (void)call(SYS_prctl, PR_SET_NAME, address("guardian"));
  (void)call(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR1);
  (void)call(SYS_setsid);
  all.make_network();
  all.wait_for_jailer();
  // Its death is everybody's (running_jail::kill); it is seen when all of them are gone.
  all.kill_init();
  all.wait_for_init();
  all.remove_groups();
  for (;;) (void)call(SYS_exit_group, 0);
}

guardian::guardian() noexcept : charge_{new charge} {}

result<std::unique_ptr<guardian>> guardian::start(std::chrono::milliseconds longest) {
  std::unique_ptr<guardian> made{new guardian};
  auto& all = *made->charge_;
  all.jailer = ::getpid();
  all.longest = {longest.count() / 1000, longest.count() % 1000 * 1'000'000};
  made->pid_ = ::clone(look_after, all.stack.data() + all.stack.size(), CLONE_VM | CLONE_FILES | SIGCHLD, &all);
  if (made->pid_ < 0) return os_failure("guardian", "clone");
  return made;
}

guardian::~guardian() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

guardian::network guardian::take_network() noexcept {
  const int fresh = charge_->fresh.exchange(-1);
  return fresh < 0 ? network{} : network{fresh, charge_->home};
}

int& guardian::init() noexcept { return const_cast<int&>(charge_->init); }

void guardian::guard(int parent, std::string_view name) noexcept {
  const unsigned number = charge_->groups;
  if (number == charge_->all_groups.size() || name.size() >= charge_->all_groups[number].name.size()) return;
  auto& next = charge_->all_groups[number];
  next.parent = parent;
  next.name[name.copy(next.name.data(), name.size())] = '\0';
  ++charge_->groups;
}

}  // namespace lazaret::sandbox
