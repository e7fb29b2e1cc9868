#pragma once
/// Wheels and sdists, looked into and unpacked without trust: the only place that knows libarchive. Thread-safe.
///
/// Everything is streamed; nothing is allocated by what the archive claims. What breaks a rule becomes a note, and
/// where the file must not be installed `unpackable` is false and `error` says why. Never throws but for memory.

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "actors/run.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/units.hpp"

namespace lazaret::download {

struct archive_limits {
  std::uint64_t files = 100'000;  ///< entries, folders included
  sandbox::bytes unpacked{2ULL << 30};
  std::uint32_t ratio = 200;                ///< unpacked : packed, once more than `ratio_floor` was unpacked
  sandbox::bytes ratio_floor{32ULL << 20};  ///< small and very regular files are no bombs
  std::uint32_t depth = 64;                 ///< components of a path
  std::uint32_t name_length = 255;          ///< bytes of a component, NAME_MAX
  std::uint32_t path_length = 1024;         ///< bytes of a path
  sandbox::bytes all_names{32ULL << 20};    ///< bytes of all paths together: they are held in memory
  std::chrono::milliseconds time{60'000};
};

/// `notes` uses these rules; those with * make it not unpackable:
///   archive_traversal*     `..` or an absolute path
///   archive_link_escape*   a link that leaves the root, or an entry below a link
///   archive_device*        a device, FIFO or socket
///   archive_bomb*          unpacked bytes or ratio
///   archive_limits*        files, depth, name length, time
///   archive_encrypted*     an entry that needs a password
///   archive_corrupt*       cut off, damaged, or not the format that its name says
///   archive_duplicate      a path twice (* in a zip, where readers differ on which one counts)
///   archive_polyglot       something before the zip's first entry
struct archive_examination {
  actors::archive_listing listing;
  std::vector<actors::note> notes;  ///< at most 100
  bool unpackable = true;
  std::string error;  ///< one line; the first rule that was broken
};

/// Reads all of the archive behind `fd` (by pread(2); the offset is left alone).
[[nodiscard]] archive_examination examine_archive(int fd, std::string_view filename, actors::artefact_kind kind,
                                                  const archive_limits& limits, std::stop_token stop);

/// Unpacks below `folder` (a directory's fd, empty): folders, regular files and links that stay inside; owner, set-id
/// bits and times of the archive are not taken over. Examines first, and refuses what is not unpackable. The kernel
/// holds the boundary too: every path is opened with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS (openat2(2)).
[[nodiscard]] sandbox::result<void> unpack_archive(int fd, std::string_view filename, actors::artefact_kind kind,
                                                   int folder, const archive_limits& limits, std::stop_token stop);

}  // namespace lazaret::download
