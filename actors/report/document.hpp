#pragma once
/// The report of a run: one JSON document (docs/report.schema.json) and one HTML page, and how they come onto the disk.
/// Both are made from the run and from the start and end of each phase's output in the run's folder. Blocking on the
/// disk, otherwise pure; any thread.

#include <boost/json/value.hpp>
#include <filesystem>
#include <string>

#include "actors/run.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::report {

/// Of each stream at most this much is shown, half from its start and half from its end.
inline constexpr std::size_t excerpt_bytes = 8 * 1024;

[[nodiscard]] boost::json::value report_json(const actors::run& r, const std::filesystem::path& run_folder);

/// Self-contained: no script, no image, nothing fetched; a Content-Security-Policy says so to the browser too.
/// Everything from the package went through html() of text.hpp.
[[nodiscard]] std::string report_html(const actors::run& r, const std::filesystem::path& run_folder);

/// Merges the phases' audit logs into `audit.log.gz`, each line with its stage's prefix, `install:` or `sandbox:`.
[[nodiscard]] sandbox::result<void> write_audit_log(const actors::run& r, const std::filesystem::path& run_folder,
                                                    const std::filesystem::path& into);

/// Writes `report.json` and `report.html`: whoever opens them sees the old or the new one whole. On disk is neither
/// before actors/on_disk.hpp was asked for it.
[[nodiscard]] sandbox::result<void> write_report(const actors::run& r, const std::filesystem::path& run_folder,
                                                 const std::filesystem::path& into);

/// Writes beside the target and renames over it.
[[nodiscard]] sandbox::result<void> write_atomically(const std::filesystem::path& file, std::string_view content);

/// The start and the end of a phase's output file, with a line between that says how much is left out. Empty when the
/// file is missing, not a regular file, or named outside the folder.
[[nodiscard]] std::string excerpt(const std::filesystem::path& run_folder, const std::string& relative);

}  // namespace lazaret::report
