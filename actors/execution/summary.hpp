#pragma once
/// One line about how a phase ended, worded as compat/triage.md words it. Pure functions; hostile bytes come out as
/// printable text.

#include <string>
#include <string_view>

#include "actors/run.hpp"

namespace lazaret::actors {

/// At most `limit` bytes: the start and the end, with `...` between. Never cuts inside a UTF-8 sequence.
[[nodiscard]] std::string cut_middle(std::string_view text, std::size_t limit);

/// The last `count` lines that hold more than blanks, joined by ` | `; control characters become blanks.
[[nodiscard]] std::string last_lines(std::string_view text, std::size_t count);

/// `install ok`, or `pip install failed: ` and the last 6 lines of what pip said, cut in the middle at 350 characters.
[[nodiscard]] std::string install_summary(const phase& p, std::string_view stdout_tail, std::string_view stderr_tail,
                                          bool download_cap_hit);

/// `run ok; stdout=1B stderr=0B`, `run failed (timed out); stdout=..`; when the driver found nothing to run, its
/// reason.
[[nodiscard]] std::string run_summary(const phase& p, std::string_view stdout_tail, std::string_view stderr_tail);

}  // namespace lazaret::actors
