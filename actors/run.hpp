#pragma once
/// The vocabulary of a triage run: what was asked, and what each stage hands to the next. Plain values, no CAF; each
/// has a JSON form (actors/json.hpp), because a stage's result is on disk before the next stage hears of it.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/outcome.hpp"

namespace lazaret::actors {

enum class mode : std::uint8_t { install, execute, execute_module, full };
enum class status : std::uint8_t { queued, running, completed, failed, canceled };
enum class verdict : std::uint8_t { benign, suspicious, malicious, inconclusive };
enum class severity : std::uint8_t { info, low, medium, high, critical };
/// The stages that work on a run, in order.
enum class work_stage : std::uint8_t { download, execution, analysis, report };

/// A validated submission: every field is within the lengths and alphabets of compat/triage.
struct submission {
  std::string frontend = "triage";
  std::string client;  ///< address, for the rate limit
  std::string ecosystem = "pypi";
  std::string package_name;  ///< PEP 508 name, as the client wrote it
  std::string version;       ///< PEP 440 version, as the client wrote it
  actors::mode mode = actors::mode::install;
  std::optional<std::string> file_path;
  std::optional<std::string> entrypoint;
  std::optional<std::string> module_name;
  int priority = 0;    ///< -100..100: higher is taken first, in every stage's queue
  bool force = false;  ///< is examined even where an earlier verdict stands (VERDICT_TTL)
};

/// Something noteworthy that a stage met before analysis, e.g. `archive_traversal` with the entry's name.
struct note {
  std::string rule;      ///< id of a row in actors/analysis/rules
  std::string evidence;  ///< one line that a person can check
};

enum class artefact_kind : std::uint8_t { wheel, sdist };

struct artefact {
  std::string filename;
  std::string url;
  std::string sha256;              ///< lower-case hex, as verified (computed when the index gave none)
  bool digest_from_index = false;  ///< false: the index gave no digest to verify against
  std::uint64_t size = 0;
  artefact_kind kind = artefact_kind::wheel;
  bool yanked = false;
  std::string requires_python;
};

/// What the archive holds, listed under limits without running anything.
struct archive_listing {
  std::uint64_t files = 0;
  std::uint64_t unpacked_bytes = 0;
  std::vector<std::string> modules;                               ///< importable top-level and sub-modules, dotted
  std::vector<std::pair<std::string, std::string>> entry_points;  ///< console scripts: name, `module:attr`
  std::vector<std::string> pth_files;                             ///< `.pth` entries (code that runs at every start)
  std::string metadata_name, metadata_version;                    ///< as METADATA / PKG-INFO say
};

struct download_result {
  actors::artefact artefact;
  archive_listing listing;
  std::vector<note> notes;  ///< limits hit, traversal entries, ...
  bool unpackable = true;   ///< false: the archive broke a limit, so nothing is installed from it
  std::string error;        ///< why not, one line
};

/// One program run in a jail: the install, or one way of running what was installed.
struct phase {
  std::string name;    ///< `install`, `execute`, `execute_module`, `import`, `entry_points`
  std::string prefix;  ///< of its lines in a merged log: `install` or `sandbox`
  sandbox::outcome outcome;
  bool ok = false;
  bool timed_out = false;
  std::string summary;  ///< `install ok`, `pip install failed: ...`, `run ok; stdout=1B stderr=0B`, ...
  std::uint64_t stdout_bytes = 0, stderr_bytes = 0;
  bool output_truncated = false;
  // Files in the run's folder, relative to it. Content from the jail: hostile bytes.
  std::string stdout_file, stderr_file;
  std::string audit_file;         ///< JSON lines of the audit hook (compat/triage): hints
  std::string observations_file;  ///< JSON lines of the observer: evidence
  std::uint64_t audit_events = 0;
  bool audit_truncated = false;        ///< past 50 MB
  std::vector<std::string> uncovered;  ///< interpreters and native programs that gave no audit events, one line each
  bool watched = true;                 ///< false: the observer or the channel was lost; the verdict is inconclusive
};

struct dependency {
  std::string filename, sha256;
  std::uint64_t size = 0;
  bool from_cache = false;
};

struct execution_result {
  std::vector<phase> phases;
  std::vector<dependency> dependencies;  ///< what the gateway handed to the jail beside the artefact
  std::uint64_t downloaded_bytes = 0;    ///< by this run, the artefact included
  std::vector<note> notes;               ///< e.g. `download_cap`
  std::string error;                     ///< the run can't be judged: why. Empty when every phase had a jail
};

struct finding {
  std::string rule;
  actors::severity severity = actors::severity::info;
  std::string title;
  std::vector<std::string> evidence;  ///< each a line that a person can check; at most 10
};

struct highlights {
  std::vector<std::string> files_written, files_read, network, subprocesses;  ///< in order of first sight, no repeats
  std::vector<std::pair<std::string, std::uint64_t>> top_events;              ///< the 25 most frequent
};

struct analysis_result {
  actors::verdict verdict = actors::verdict::inconclusive;
  int score = 0;  ///< 0-100
  std::vector<finding> findings;
  actors::highlights highlights;
  std::vector<std::string> uncovered;
  std::string summary;  ///< one line, as the webhook's description has it
};

enum class delivery_status : std::uint8_t { none, pending, delivered, failed };

struct stage_timing {
  work_stage stage = work_stage::download;
  std::string outcome;  ///< `done`, `failed`, `canceled`, empty while it runs
  std::chrono::system_clock::time_point started_at, finished_at;
  int attempts = 1;
};

/// Everything that is known of a run at one moment.
struct run {
  std::string run_id;  ///< UUIDv4, lower case
  submission asked;
  actors::status status = actors::status::queued;
  std::chrono::system_clock::time_point created_at;
  std::optional<std::chrono::system_clock::time_point> started_at, finished_at;
  std::vector<stage_timing> stages;
  std::optional<download_result> download;
  std::optional<execution_result> execution;
  std::optional<analysis_result> analysis;
  std::string error;  ///< why it failed; empty otherwise
  delivery_status delivery = delivery_status::none;
  std::string delivery_error;
  std::string reused_from;    ///< the run whose execution and analysis these are; empty: its own
  std::string report_folder;  ///< in the run's folder; empty: that itself (earlier versions), or there is no report yet
};

[[nodiscard]] std::string_view name(mode m) noexcept;
[[nodiscard]] std::string_view name(status s) noexcept;
[[nodiscard]] std::string_view name(verdict v) noexcept;
[[nodiscard]] std::string_view name(severity s) noexcept;
[[nodiscard]] std::string_view name(work_stage s) noexcept;
[[nodiscard]] std::string_view name(delivery_status s) noexcept;
[[nodiscard]] std::string_view name(artefact_kind k) noexcept;
/// Nothing when the word is not in the enum's closed set.
template <class Enum>
[[nodiscard]] std::optional<Enum> parse(std::string_view word) noexcept;

/// ISO 8601 in UTC with milliseconds: `2026-01-31T23:59:59.123Z`.
[[nodiscard]] std::string iso8601(std::chrono::system_clock::time_point t);
/// Reads exactly what iso8601() writes; nothing otherwise.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> from_iso8601(std::string_view text) noexcept;

/// Where the files of runs are: a folder for each, which every node can read.
struct run_places {
  std::filesystem::path blob_dir;
  /// DATA_DIR, where earlier versions kept them: what lies there is found, and nothing new is put there. May be empty.
  std::filesystem::path former;
};

/// `runs/<run_id>` of BLOB_DIR, or of the former place when it is there.
[[nodiscard]] std::filesystem::path run_folder(const run_places& places, std::string_view run_id);

}  // namespace lazaret::actors
