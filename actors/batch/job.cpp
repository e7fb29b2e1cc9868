#include "actors/batch/job.hpp"

namespace lazaret::batch {
namespace {

constexpr std::string_view names[] = {"queued", "running", "succeeded", "failed", "canceled"};

}  // namespace

std::string_view name(status s) noexcept { return names[static_cast<std::size_t>(s)]; }

std::optional<status> parse_status(std::string_view text) noexcept {
  for (std::size_t n = 0; n < std::size(names); ++n)
    if (names[n] == text) return static_cast<status>(n);
  return std::nullopt;
}

}  // namespace lazaret::batch
