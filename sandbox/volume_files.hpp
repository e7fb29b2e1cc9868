#pragma once
/// Files into a volume before a jail uses it, and out of it afterwards. Plain values; jailer::deposit and
/// jailer::gather are what they are for.

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/units.hpp"

namespace lazaret::sandbox {

struct volume_file {
  std::string path;  ///< relative to the volume's root; no `.`, `..`, empty component or NUL
  std::string content;
};

/// A file as it lay in the volume before the jail; `modified` is st_mtim in nanoseconds since the epoch.
struct known_file {
  std::string path;
  std::int64_t modified = 0;
};

struct gather_options {
  /// Patterns of paths below the root (path_pattern.hpp), at most 64 of at most 255 bytes; none selects all.
  std::vector<std::string> select{};
  bool hidden = false;  ///< true: also names that begin with a dot, and what is below such directories
  /// Links that lead to a regular file of the same volume stand for it; absolute ones when they begin with `place`.
  bool follow_links = true;
  std::string place{};              ///< where the jail saw the volume
  std::vector<known_file> known{};  ///< left out when they were not modified since

  std::size_t most_files = 100;
  std::size_t entries = 100'000;  ///< looked at; at least the volume's inodes to see all of it
  unsigned depth = 256;           ///< 1: only what lies in the root itself; one descriptor is open per level
  std::size_t path = 4095;        ///< bytes of a path
  bytes file_size = 2_GiB;        ///< of each, as stat(2) says: what is sparse counts in full
  bytes most_bytes = 48_MiB;      ///< of all together: they are held in memory
  /// What is over most_files or most_bytes ends it: all that comes after it in the order of paths stays too.
  bool ends_when_full = false;
  std::chrono::milliseconds within{5'000};  ///< for everything
};

/// Why something was not brought back.
enum class skipped : std::uint8_t {
  symbolic_link,  ///< leads nowhere, out of the volume, to what is no regular file, or is not to be followed
  fifo,
  socket,
  device,
  other_mount,
  too_large,  ///< alone, or with those before it
  too_many,   ///< files
  too_deep,   ///< a directory that was not entered
  path_too_long,
  not_utf8,    ///< the path
  changed,     ///< while it was looked at or read
  unreadable,  ///< leased, or not the reader's to open
};
inline constexpr std::size_t skipped_kinds = 12;
[[nodiscard]] std::string_view name(skipped why) noexcept;

struct left_out {
  std::string path;  ///< bytes as the program chose them
  skipped why{};
};

struct gathered {
  std::vector<volume_file> files;  ///< in the order of their paths, bytewise
  std::vector<left_out> left;      ///< what was selected, or barred the way, and was not brought back; the first 256
  std::array<std::uint64_t, skipped_kinds> left_in_all{};  ///< by reason, also beyond those
  bool complete = true;  ///< false: entries or time ran out before everything was looked at and read

  [[nodiscard]] std::uint64_t left_because(skipped why) const { return left_in_all[static_cast<std::size_t>(why)]; }
};

}  // namespace lazaret::sandbox
