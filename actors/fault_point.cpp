#include "actors/fault_point.hpp"

#ifdef LAZARET_FAULT_POINTS

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "actors/at_work.hpp"

namespace lazaret::actors {
namespace {

std::string_view said(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read once, at the first pass
  return value == nullptr ? std::string_view{} : value;
}

struct appointment {
  std::size_t place = fault_points.size();  // none
  std::atomic<int> passes_left{1};
  const std::string_view whose = said("LAZARET_DIE_FOR");
  const bool by_itself = said("LAZARET_DIE_BY") == "SEGV";

  appointment() {
    std::string_view text = said("LAZARET_DIE_AT");
    if (text.empty()) return;
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
      int passes = 1;
      std::from_chars(text.data() + colon + 1, text.data() + text.size(), passes);
      passes_left = passes;
      text = text.substr(0, colon);
    }
    const auto* const at = std::find(fault_points.begin(), fault_points.end(), text);
    place = static_cast<std::size_t>(at - fault_points.begin());
    if (place < fault_points.size()) return;
    std::fprintf(stderr, "LAZARET_DIE_AT: there is no fault point %.*s\n", static_cast<int>(text.size()), text.data());
    ::_exit(EXIT_FAILURE);
  }
};

}  // namespace

void pass_fault_point(std::size_t index) noexcept {
  static appointment with_death;
  if (index != with_death.place) return;
  if (at_work::here().view().find(with_death.whose) == std::string_view::npos) return;
  if (with_death.passes_left.fetch_sub(1) != 1) return;
  int* volatile nowhere = nullptr;
  if (with_death.by_itself) *nowhere = 1;
  ::kill(::getpid(), SIGKILL);
}

}  // namespace lazaret::actors

#endif
