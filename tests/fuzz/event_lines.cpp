// The two logs of a phase, written by whoever is in the jail: lines, reprs, deeds, what follows from them, findings and
// highlights. The first byte chooses between hook and observer.
#include "actors/analysis/event_lines.hpp"

#include "actors/analysis/findings.hpp"
#include "actors/analysis/highlights.hpp"
#include "actors/analysis/trail.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::analysis;

namespace {

int depth(const repr_value& value) {
  int deepest = 0;
  for (const auto& item : value.items) deepest = std::max(deepest, depth(item));
  return deepest + 1;
}

struct pipeline {
  trail following;
  findings found;
  highlighter shown;

  void take(const deeds& all) {
    for (const auto& d : all) {
      shown.take(d);
      found.take(d, in_run, "execute");
      for (const auto& conclusion : following.follow(d)) found.take(conclusion, in_run, "execute");
      const auto evidence = evidence_of(d, "execute");
      fuzz::must(evidence.size() <= 500 && evidence.find('\n') == std::string::npos, "evidence is one short line");
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto body = fuzz::text_of(data + 1, size - 1);
  fuzz::must(depth(read_repr(body)) <= 18, "a repr's depth is bounded");

  // O_NOFOLLOW would refuse /proc/self/fd/N, so the input is a real file, the same one each time.
  static const std::string path = fuzz::scratch() + "/lazaret-fuzz-lines-" + std::to_string(::getpid());
  auto* file = std::fopen(path.c_str(), "w");
  fuzz::must(file != nullptr && std::fwrite(body.data(), 1, body.size(), file) == body.size(), "a file can be written");
  std::fclose(file);

  pipeline p;
  const auto totals = (data[0] & 1) != 0
                          ? read_observations(path, [&](const observed_line& line) { p.take(deeds_of(line)); })
                          : read_audit(path, [&](const audit_line& line) {
                              p.following.note_event(line);
                              p.shown.count(line);
                              p.take(deeds_of(line));
                            });
  ::unlink(path.c_str());
  fuzz::must(totals.has_value() && totals->malformed <= totals->lines, "a log that is there is read");
  for (const auto& rule : p.found.held()) fuzz::must(rule.evidence.size() <= 10, "at most 10 lines of evidence");
  for (const auto& entry : p.shown.list().files_read) fuzz::must(entry.size() <= 2000, "an entry is short");
  return 0;
}
