// How a running jail ends: for a limit, because it was asked to, or by itself; and what is said of it then.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/protocol.hpp"
#include "sandbox/reaper.hpp"
#include "sandbox/running_jail.hpp"
#include "sandbox/timer.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;
using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds shortest_cpu_check = 2ms;
/// Where /proc is all there is to look at: at four gigabytes a second, a hundred megabytes too much.
constexpr std::chrono::nanoseconds sampling_period = 25ms;
/// What init has to end the jail itself, which takes it a fraction of a millisecond unless a cpu quota throttles it.
constexpr auto stop_patience = 300ms;

}  // namespace

/// Sampled, not signalled.
void running_jail::check_cpu() {
  std::uint64_t ticks = 0;
  if (::read(cpu_timer_.get(), &ticks, sizeof ticks) < 0 && errno != EAGAIN) return end(ending::cpu_timeout);
  const auto& limits = request_.what.limits;
  if (sampler_) sampler_->look(bytes{limits.memory.count / 2});
  const auto left = limits.cpu - usage().cpu;
  if (left <= 0ns) return end(ending::cpu_timeout);
  if (sampler_ && !with_.groups.limits("memory") && sampler_->memory().count > limits.memory.count)
    return end(ending::out_of_memory);
  look_again(left);
}

/// When that much could be used up at the earliest.
void running_jail::look_again(std::chrono::nanoseconds left) {
  static const auto processors = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  const auto earliest = std::max<std::chrono::nanoseconds>(left / processors, shortest_cpu_check);
  arm(cpu_timer_.get(), sampler_ ? std::min(earliest, sampling_period) : earliest);
}

cgroup_usage running_jail::usage() const {
  auto used = group_->usage();
  if (sampler_) sampler_->account(with_.groups, used);
  return used;
}

void running_jail::end(ending reason) {
  if (!reason_ && !wait_status_) reason_ = reason;
  for (const auto* timer : {&wall_timer_, &cpu_timer_}) with_.loop.forget(timer->get());
  stop();
}

void running_jail::fail(const failure& why) {
  if (!failure_) failure_ = why;
  kill();
}

/// Init kills everybody and reaps them: the counts of processes that are still there when init itself is killed are
/// lost (zap_pid_ns_processes() in kernel/pid_namespace.c lets them reap themselves). Nothing rests on its doing so in
/// time.
void running_jail::stop() {
  const bool first = !std::exchange(stopping_, true);
  if (!first || !executed_ || !wire::send(status_.get(), protocol::encode(kind::stop))) return kill();
  arm(wall_timer_.get(), stop_patience);
  if (!with_.loop.watch(wall_timer_.get(), [this] { kill(); })) kill();
}

/// Init's death is everybody's: the kernel kills the rest of a pid namespace before init's exit is seen.
void running_jail::kill() noexcept {
  if (init_) ::syscall(SYS_pidfd_send_signal, init_.get(), SIGKILL, nullptr, 0);
}

outcome running_jail::conclude(const cgroup_usage& used) const {
  const auto& limits = request_.what.limits;
  outcome o;
  o.wall = clock::now() - executed_at_;
  o.cpu = used.cpu;
  o.peak_memory = used.peak_memory;
  o.peak_pids = used.peak_pids;
  o.pids_exhausted = used.pids_refused > 0;
  o.memory_killed = used.oom_kills > 0 || reason_ == ending::out_of_memory;
  o.sampled = sampler_.has_value();
  o.cpu_throttled = used.throttled > 0;
  o.bytes_written.count = written_ - std::min(written_, written_by_init_);
  const auto started = last_pid_ - std::min<std::uint64_t>(last_pid_, 1 + used.pids_refused);  // 1 is init
  o.processes =
      static_cast<std::uint32_t>(std::max<std::uint64_t>(started, used.peak_pids - std::min(1U, used.peak_pids)));

  const int status = wait_status_.value_or(SIGKILL);  // init itself was killed: nobody saw the program's end
  if (WIFEXITED(status)) o.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) o.signal = WTERMSIG(status);
  if (reason_ == ending::syscall_denied) o.syscall = observer_->denied(), o.signal = SIGSYS, o.code = 0;
  const bool succeeded = WIFEXITED(status) && o.code == 0;
  const bool by_cpu_rlimit = o.signal == SIGXCPU || (o.signal == SIGKILL && used.cpu >= limits.cpu);
  if (reason_)
    o.reason = *reason_;
  else if (o.memory_killed && !succeeded)
    o.reason = ending::out_of_memory;
  else if (by_cpu_rlimit)
    o.reason = ending::cpu_timeout;
  else
    o.reason = WIFEXITED(status) ? ending::exited : ending::signalled;
  return o;
}

/// What init said last may still be in the socket.
void running_jail::hear_last_words() {
  while (status_) {
    auto got = wire::receive(status_.get());
    if (!got || got->closed()) return;
    note(*got);
  }
}

void running_jail::tell_end() {
  if (std::exchange(told_end_, true)) return;
  auto o = conclude(usage());
  if (observer_) {
    with_.loop.forget(observer_->fd());
    observer_->finish();
    observer_.reset();
  }
  // A timer that expired in the same turn of the loop is not to be heard any more: it would look at the group.
  for (const auto* timer : {&wall_timer_, &cpu_timer_}) with_.loop.forget(timer->get());
  if (!executed_ && !failure_) {
    // A quick program may use up the memory before init gets to tell of it, and init be killed for that.
    if (was_ready_ && request_.channel && o.memory_killed)
      announce(), o = conclude(usage());
    else
      failure_ = failure{"start_jail", 0, "init ended during set-up", describe(o)};
  }
  if (!request_.channel) return;
  with_.loop.forget(request_.channel.get());
  (void)wire::send(request_.channel.get(),
                   failure_ ? protocol::encode(kind::failed, *failure_) : protocol::encode(kind::ended, o));
  request_.channel.reset();
}

/// Init has reaped everybody, so nothing of the program is left, and does nothing any more but end, with its
/// namespaces: a third of a millisecond in which whoever waits for the program has no part. Killed first, so that the
/// holder's word that all are dead or dying does not rest on what init does. Not where the count of what was used comes
/// with its end.
void running_jail::tell_early() {
  if (sampler_) return;
  kill();
  tell_end();
}

void running_jail::finish() {
  hear_last_words();
  if (written_ == 0) written_ = bytes_written_by(pid_);  // init was killed: while it is a zombie
  siginfo_t how{};
  rusage total{};
  ::syscall(SYS_waitid, P_PID, pid_, &how, WEXITED, &total);  // glibc's waitid() has no place for the last
  pid_ = -1;
  if (sampler_) sampler_->conclude(total);
  if (with_.guarded_by != nullptr) with_.buries.bury(std::move(mounts_));  // others wait for the jailer's end
  tell_end();
  with_.loop.forget(init_.get());
  gone_();
}

}  // namespace lazaret::sandbox
