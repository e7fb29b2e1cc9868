#include "sandbox/sampler.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {
namespace {

std::string path_of(pid_t process, const char* file) { return "/proc/" + std::to_string(process) + "/" + file; }

/// Empty for a process that is gone.
std::string slurp(const std::string& path) {
  const unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string text;
  std::array<char, 4096> block;
  for (ssize_t n = 0; file && (n = ::read(file.get(), block.data(), block.size())) > 0;)
    text.append(block.data(), static_cast<std::size_t>(n));
  return text;
}

/// Takes the next number off the front; 0 when there is none.
std::uint64_t next_number(std::string_view& text) {
  const auto from = text.find_first_of("0123456789");
  text.remove_prefix(std::min(from, text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// Of a line `Key:  123 kB`. A program can't forge one: in its name the kernel escapes a newline (proc(5), status).
std::uint64_t number_of(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + key.size());
  return next_number(text);
}

std::chrono::nanoseconds from_ticks(std::uint64_t ticks) {
  static const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return std::chrono::nanoseconds{ticks * (1'000'000'000 / per_second)};
}

std::chrono::nanoseconds from(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

}  // namespace

/// By /proc/PID/task/TID/children: a child belongs to the thread that forked it.
std::vector<pid_t> sampler::processes() const {
  std::vector<pid_t> found{init_};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto tasks = path_of(found[i], "task");
    const std::unique_ptr<DIR, int (*)(DIR*)> threads{::opendir(tasks.c_str()), ::closedir};
    while (const dirent* thread = threads ? ::readdir(threads.get()) : nullptr) {
      if (thread->d_name[0] == '.') continue;
      const auto children = slurp(tasks + "/" + thread->d_name + "/children");
      for (std::string_view rest{children}; !rest.empty();)
        if (const auto child = next_number(rest); child != 0) found.push_back(static_cast<pid_t>(child));
    }
  }
  return found;
}

/// proc(5), /proc/PID/stat: after the name in parentheses, which may itself hold any, field 3 is the state, 14 to 17
/// are utime, stime, cutime and cstime, 22 is the start.
void sampler::add_times(pid_t process, std::chrono::nanoseconds& waited_for) {
  const auto text = slurp(path_of(process, "stat"));
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  auto rest = std::string_view{text}.substr(name_end);
  for (int field = 4; field < 14; ++field) (void)next_number(rest);
  const auto own = from_ticks(next_number(rest) + next_number(rest));
  const auto reaped = from_ticks(next_number(rest) + next_number(rest));
  for (int field = 18; field < 22; ++field) (void)next_number(rest);
  const auto started = next_number(rest);
  auto& known = live_[process];
  if (known.started != started) of_the_gone_ += known.own;
  known = {started, own, true};
  waited_for += own + reaped;
}

void sampler::look(bytes accurate_from) {
  const auto all = processes();
  std::uint64_t resident = 0;
  std::uint32_t threads = 0;
  std::chrono::nanoseconds waited_for{0};
  for (auto& [pid, known] : live_) known.seen = false;
  for (const auto process : all) {
    add_times(process, waited_for);
    const auto status = slurp(path_of(process, "status"));
    resident += 1024 * (number_of(status, "\nRssAnon:") + number_of(status, "\nRssShmem:"));
    threads += static_cast<std::uint32_t>(number_of(status, "\nThreads:"));
  }
  if (resident > accurate_from.count && all.size() > 2) {
    resident = 0;
    for (const auto process : all) {
      const auto shares = slurp(path_of(process, "smaps_rollup"));
      resident += 1024 * (number_of(shares, "\nPss_Anon:") + number_of(shares, "\nPss_Shmem:"));
    }
  }
  std::erase_if(live_, [&](const auto& entry) {
    if (!entry.second.seen) of_the_gone_ += entry.second.own;
    return !entry.second.seen;
  });
  auto ever_seen = of_the_gone_;
  for (const auto& [pid, known] : live_) ever_seen += known.own;
  cpu_ = std::max({cpu_, waited_for, ever_seen});  // each misses what the other may have
  memory_.count = resident;
  peak_memory_.count = std::max(peak_memory_.count, resident);
  peak_pids_ = std::max(peak_pids_, threads);
}

void sampler::conclude(const rusage& total) {
  cpu_ = std::max(cpu_, from(total.ru_utime) + from(total.ru_stime));
  peak_memory_.count = std::max(peak_memory_.count, static_cast<std::uint64_t>(total.ru_maxrss) * 1024);
}

void sampler::account(const cgroup_tree& groups, cgroup_usage& usage) const {
  if (!groups.limits("cpuacct")) usage.cpu = cpu_;
  if (!groups.limits("memory")) usage.peak_memory = peak_memory_;
  if (!groups.limits("pids")) usage.peak_pids = peak_pids_;
}

}  // namespace lazaret::sandbox
