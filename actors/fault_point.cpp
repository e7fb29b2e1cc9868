#include "actors/fault_point.hpp"

#ifdef LAZARET_FAULT_POINTS

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace lazaret::actors {
namespace {

struct appointment {
  std::size_t place = fault_points.size();  // none
  std::atomic<int> passes_left{1};

  appointment() {
    const char* const raw =
        std::getenv("LAZARET_DIE_AT");  // NOLINT(concurrency-mt-unsafe): read once, at the first pass
    if (raw == nullptr) return;
    std::string_view text = raw;
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
      int passes = 1;
      std::from_chars(text.data() + colon + 1, text.data() + text.size(), passes);
      passes_left = passes;
      text = text.substr(0, colon);
    }
    const auto* const at = std::find(fault_points.begin(), fault_points.end(), text);
    place = static_cast<std::size_t>(at - fault_points.begin());
    if (place < fault_points.size()) return;
    std::fprintf(stderr, "LAZARET_DIE_AT: there is no fault point %s\n", raw);
    ::_exit(EXIT_FAILURE);
  }
};

}  // namespace

void pass_fault_point(std::size_t index) noexcept {
  static appointment with_death;
  if (index == with_death.place && with_death.passes_left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

}  // namespace lazaret::actors

#endif
