#pragma once
/// How long each step of making a jail takes: only in lazaret-jailer-timed, of which every LAZARET_TRY in jail.cpp and
/// running_jail.cpp notes itself here. deploy/bench.sh prints it; the jailer that ships contains none of this.
///
/// A step is known by its text; what it is made of is not noted. What lies between two steps of a process is noted as
/// `up to` the later one. When the jailer ends it prints `timeline TIMES MICROSECONDS STEP` for each, the median, to
/// its standard error.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace lazaret::sandbox::timeline {

using clock = std::chrono::steady_clock;

struct row {
  std::atomic<const char*> step = nullptr;
  bool is_gap = false;
  std::atomic<unsigned> count = 0;
  std::array<float, 4096> microseconds{};
};

/// In memory that the jailer shares with all that it forks; text lies at the same address in each of them.
struct table {
  std::array<row, 96> rows;
  ~table() = default;

  void note(const char* step, bool is_gap, clock::duration took) noexcept {
    for (auto& r : rows) {
      const char* expected = nullptr;
      if (r.step.compare_exchange_strong(expected, step)) r.is_gap = is_gap;
      if (r.step != step || r.is_gap != is_gap) continue;
      const auto at = r.count.fetch_add(1);
      if (at < r.microseconds.size()) r.microseconds[at] = std::chrono::duration<float, std::micro>(took).count();
      return;
    }
  }
  void print() {
    for (auto& r : rows) {
      if (r.step == nullptr) break;
      const auto end = r.microseconds.begin() + std::min<unsigned>(r.count, r.microseconds.size());
      std::sort(r.microseconds.begin(), end);
      std::fprintf(stderr, "timeline %u %.1f %s%s\n", r.count.load(),
                   r.microseconds[(end - r.microseconds.begin()) / 2], r.is_gap ? "up to " : "", r.step.load());
    }
  }
};

inline table& shared =
    *new (::mmap(nullptr, sizeof(table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) table;
inline clock::time_point last{};  ///< end of the step before, or the beginning of the one that cloned this process
inline pid_t owner = 0;           ///< the process that `inside` is true for
inline bool inside = false;       ///< steps of steps are not noted
inline const struct printer {
  ~printer() { shared.print(); }
} at_exit;

class step {
 public:
  step(std::string_view file, const char* text) : text_{text} {
    if (owner != ::getpid()) owner = ::getpid(), inside = false;
    if (inside || !file.ends_with("jail.cpp")) {
      text_ = nullptr;
      return;
    }
    if (last != clock::time_point{}) shared.note(text_, true, begin_ - last);
    last = begin_, inside = true;
  }
  step(const step&) = delete;
  ~step() {
    if (text_ == nullptr) return;
    last = clock::now(), inside = false;
    shared.note(text_, false, last - begin_);
  }

 private:
  const char* text_;
  clock::time_point begin_ = clock::now();
};

}  // namespace lazaret::sandbox::timeline
