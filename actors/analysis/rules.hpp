#pragma once
/// The rule table: what is noteworthy, how much it weighs, and what it means in one line. Data only; findings.hpp
/// applies it. Ids are stable: reports, notes of other stages and the sample packages name them.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "actors/analysis/deeds.hpp"
#include "actors/analysis/glob.hpp"
#include "actors/run.hpp"

namespace lazaret::analysis {

/// Where a deed happened. A bit each.
enum phases : std::uint8_t {
  before = 1,  ///< download: the archive itself
  in_install = 2,
  in_import = 4,  ///< `import` of mode full
  in_run = 8,     ///< `execute`, `execute_module`, `entry_points`
  in_jail = in_install | in_import | in_run,
  anywhere = 15,
};

/// A deed matches when its act and phase are among those named, `objects` and `details` (if any are given) each hold a
/// pattern that fits, and no pattern of `unless` fits the object. A rule with `together` looks at no deed: it holds
/// when each of those groups has a rule that holds.
struct rule {
  std::string_view id;
  actors::severity severity;
  int weight;              ///< 0-100: what it adds to the score alone; see verdict.hpp
  std::string_view title;  ///< one line for people
  phases where = anywhere;
  acts what = 0;
  patterns objects = {};
  patterns unless = {};
  patterns details = {};
  std::span<const patterns> together = {};  ///< rule ids, not globs
};

[[nodiscard]] std::span<const rule> rules() noexcept;
[[nodiscard]] const rule* find_rule(std::string_view id) noexcept;

/// A digest of the table and of the program's version: what was judged under another one may be judged otherwise now.
[[nodiscard]] std::string rules_version();

/// What generated code says when it is a payload; for `trail`, which concludes act::decoded.
[[nodiscard]] patterns payload_texts() noexcept;

[[nodiscard]] phases phase_of(std::string_view phase_name) noexcept;

/// Ids for the notes of other stages (note::rule). A note with an id of no row still shows, as `unlisted_note`.
namespace ids {
inline constexpr std::string_view archive_traversal = "archive_traversal", archive_link_escape = "archive_link_escape",
                                  archive_device = "archive_device", archive_bomb = "archive_bomb",
                                  archive_limits = "archive_limits", archive_corrupt = "archive_corrupt",
                                  archive_encrypted = "archive_encrypted", archive_duplicate = "archive_duplicate",
                                  archive_polyglot = "archive_polyglot", download_cap = "download_cap",
                                  digest_missing = "digest_missing", yanked_release = "yanked_release",
                                  digest_mismatch = "digest_mismatch", gateway_abuse = "gateway_abuse",
                                  denied_dependency = "denied_dependency", metadata_mismatch = "metadata_mismatch",
                                  unlisted_note = "unlisted_note";
}  // namespace ids

}  // namespace lazaret::analysis
