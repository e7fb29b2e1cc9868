#pragma once
/// Brings back what a program left in a volume. Everything there is hostile, and may still be changing: names, kinds,
/// sizes and directories swapped for one another between any two looks. So
///
///   - a path is walked one component at a time from directories that are held open, never through a symbolic link,
///     never onto another mount, never by `..` (openat2(2), RESOLVE_BENEATH);
///   - an entry is looked at without being opened (O_PATH) and opened only once it is known to be a regular file: a
///     FIFO or a lease would block, a device act. Should another have taken its place by then, O_NONBLOCK and fstat(2)
///     find out;
///   - a file that was seen to change while it was read is not brought back. That is for honest programs: a write that
///   is
///     under way, or one through a mapping, shows in no file time, so harvest after the jail has ended;
///   - files, entries, depth, bytes of each and of all, length of paths, and time are bounded.
///
/// Blocks for at most `harvest_limits::time` and one read of 256 KiB. Free functions; thread-safe.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/units.hpp"

namespace lazaret::sandbox {

struct harvest_limits {
  std::size_t files = 64;                ///< brought back, at most
  std::size_t entries = 20'000;          ///< looked at; raise with inodes of the volume
  unsigned depth = 16;                   ///< 1: only what lies in the root itself; one descriptor is open per level
  bytes file_size = 8_MiB;               ///< what is larger is skipped whole
  bytes total = 32_MiB;                  ///< of all contents together: they are held in memory
  std::size_t path = 1024;               ///< bytes of a path below the root
  std::chrono::milliseconds time{2000};  ///< for all of it
};

enum class skipped : std::uint8_t {
  symbolic_link,
  fifo,
  socket,
  device,
  other_mount,
  too_large,  ///< alone, or with those before it
  too_many,   ///< files
  too_deep,   ///< a directory that was not entered
  path_too_long,
  changed,     ///< while it was looked at or read
  unreadable,  ///< mode 000 for an unprivileged service, or leased
};
[[nodiscard]] std::string_view name(skipped why) noexcept;

struct harvest {
  struct file {
    std::string path;  ///< below the root, without a leading `/`. Bytes as the program chose them: escape to show
    std::string content;
  };
  struct left_out {
    std::string path;
    skipped why;
  };
  std::vector<file> files;        ///< by path
  std::vector<left_out> left;     ///< what was selected, or barred the way, and was not brought back; the first 256
  std::uint64_t left_in_all = 0;  ///< also beyond those
  bool complete = true;           ///< false: entries or time ran out before everything was looked at
};

/// `root`: a directory. `select`: paths below it in which `*` and `?` stand for anything but `/`, `**` for anything;
/// none selects all. At most 64 patterns of at most 255 bytes. Fails only for bad patterns and a root that can't be
/// read.
[[nodiscard]] result<harvest> gather(int root, std::span<const std::string> select, const harvest_limits& within = {});

/// One regular file below a root, open for reading, for who wants to stream it. Its size may change at any time.
[[nodiscard]] result<unique_fd> open_left_file(int root, const std::string& path);

/// As gather() selects.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view path);

}  // namespace lazaret::sandbox
