#pragma once
/// Places where a test ends the process with SIGKILL, as a power cut would end it: crash-only software is tested by
/// crashing it (Candea & Fox, 2003). Only the program `faulty/bin/lazaretd` of a build has them (http/CMakeLists.txt
/// compiles the files that name one a second time, with LAZARET_FAULT_POINTS): in the programs that are installed a
/// fault point is nothing at all. tests/integration/test_fault_points.py dies at each of them and asks for what was
/// accepted; tests/house/fault_points.py holds that each stands in exactly one place.
///
/// LAZARET_DIE_AT=NAME in the environment ends the process at that place, NAME:3 when it comes there for the third
/// time. With LAZARET_DIE_FOR=ID only by a thread that works on that run or job (actors/at_work.hpp), and the others
/// don't count; with LAZARET_DIE_BY=SEGV by a write to nowhere, which is the deed of what the thread works on. A name
/// that the list has not ends it at the first place of all, with a sentence. Thread-safe.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace lazaret::actors {

// clang-format off
/// ROOM.MOMENT, about in the order in which a run and a job meet them.
inline constexpr std::array<std::string_view, 71> fault_points{
    "schema.step", "schema.commit", "schema.stepped",
    "commit.before", "commit.after", "commit.half",
    "store.added", "store.amended", "store.taken", "store.renewed", "store.updated", "store.settled",
    "store.put_back", "store.abandoned", "store.appended",
    "accept.write", "accept.written",
    "queue.begun", "queue.result", "queue.assigned",
    "stage.result", "stage.recorded",
    "cache.partial", "cache.whole", "cache.synced", "cache.named",
    "download.begin", "download.done",
    "execution.folder", "execution.volume", "execution.jailed", "execution.ended", "execution.recorded",
    "execution.begin", "execution.asks_index", "execution.done", "execution.answer",
    "analysis.begin", "analysis.done",
    "report.draft", "report.named", "report.json", "report.audit_draft", "report.audit_log", "report.begin",
    "report.done",
    "delivery.taken", "delivery.sent", "delivery.settled",
    "job.artifacts_draft", "job.artifacts", "job.log", "job.furnished", "job.ended", "job.jailed", "job.folder",
    "job.answered", "job.input", "job.accept", "job.added", "job.begun", "job.ran", "job.settled",
    "answer.ran", "answer.kept",
    "prebuild.sweeps", "prebuild.untagged", "prebuild.tag_draft", "prebuild.built", "prebuild.layer",
    "prebuild.tagged",
};
// clang-format on

#ifdef LAZARET_FAULT_POINTS
void pass_fault_point(std::size_t index) noexcept;

/// No constant expression, and so an error of the compiler, for a name that the list has not.
consteval std::size_t fault_point(std::string_view name) {
  const auto* const at = std::find(fault_points.begin(), fault_points.end(), name);
  if (at == fault_points.end()) throw "no such fault point";
  return static_cast<std::size_t>(at - fault_points.begin());
}
#define LAZARET_FAULT_POINT(name) ::lazaret::actors::pass_fault_point(::lazaret::actors::fault_point(name))
#else
#define LAZARET_FAULT_POINT(name) static_cast<void>(0)
#endif

}  // namespace lazaret::actors
