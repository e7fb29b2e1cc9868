#include "actors/download/choose.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "actors/download/filename.hpp"
#include "actors/download/specifier.hpp"
#include "actors/names.hpp"

namespace lazaret::download {
namespace {

constexpr int no_rank = std::numeric_limits<int>::max();

int best_rank(const wheel_name& wheel, const tag_ranks& ranks) {
  int best = no_rank;
  for (const auto& tag : wheel.tags)
    if (const auto it = ranks.find(tag); it != ranks.end()) best = std::min(best, it->second);
  return best;
}

int sdist_rank(std::string_view filename) {
  return filename.ends_with(".tar.gz") ? 0 : filename.ends_with(".zip") ? 1 : 2;
}

bool suits(const index_file& file, const version& python) {
  const auto required = parse_specifiers(file.requires_python);
  return !required || allows(*required, python);
}

/// Smaller is better.
using merit = std::tuple<bool /*yanked*/, bool /*sdist*/, int /*tag or ending*/>;

struct candidate {
  choice chosen;
  merit rank;
  std::optional<std::pair<natural, std::string>> build;
};

bool better(const candidate& a, const candidate& b) {
  if (a.rank != b.rank) return a.rank < b.rank;
  return a.build > b.build;  // none sorts before any
}

std::string not_found_text(std::string_view name, std::string_view wanted, const std::optional<version>& newest) {
  auto text = "version not found: " + std::string{name} + "==" + std::string{wanted};
  return newest ? text + " (newest: " + newest->text() + ")" : text + " (the index has no release of it)";
}

}  // namespace

std::optional<version> version_of(const index_file& file, std::string_view project) {
  if (file.filename.ends_with(".whl")) {
    const auto wheel = parse_wheel_name(file.filename);
    if (!wheel || actors::normalise_name(wheel->project) != actors::normalise_name(project)) return std::nullopt;
    return wheel->release;
  }
  return sdist_version(file.filename, project);
}

result<choice> choose(const index_page& page, std::string_view name, std::string_view wanted, const interpreter& python,
                      const tag_ranks& ranks) {
  const auto asked = parse_version(wanted);
  const auto python_version = *parse_version(python.python_version());
  const specifier pinned{"==", std::string{wanted}, asked, false};
  std::optional<version> newest, newest_final;
  std::optional<candidate> best;
  std::string excluded;  // why a file of the version was passed over
  for (const auto& file : page.files) {
    const auto v = version_of(file, name);
    if (!v) continue;
    if (!newest || compare(*newest, *v) < 0) newest = v;
    if (!v->is_prerelease() && !file.yanked && (!newest_final || compare(*newest_final, *v) < 0)) newest_final = v;
    if (!asked || !allows(pinned, *v)) continue;
    if (!suits(file, python_version)) {
      excluded = file.filename + " requires Python " + file.requires_python;
      continue;
    }
    candidate c;
    c.chosen.file = &file;
    if (const auto wheel = parse_wheel_name(file.filename)) {
      const int rank = best_rank(*wheel, ranks);
      if (rank == no_rank) {
        excluded = file.filename + " is for another interpreter or platform";
        continue;
      }
      c.rank = {file.yanked.has_value(), false, rank};
      c.build = wheel->build;
    } else {
      c.chosen.kind = actors::artefact_kind::sdist;
      c.rank = {file.yanked.has_value(), true, sdist_rank(file.filename)};
    }
    if (!best || better(c, *best)) best = c;
  }
  if (best) return best->chosen;
  if (!excluded.empty())
    return download_error{problem::not_found, "no file of " + std::string{name} + "==" + std::string{wanted} +
                                                  " fits Python " + python.python_version() + ": " + excluded};
  return download_error{problem::not_found, not_found_text(name, wanted, newest_final ? newest_final : newest)};
}

}  // namespace lazaret::download
