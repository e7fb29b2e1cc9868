#pragma once
/// Brings back what a program left in a volume. Everything there is hostile, and may still be changing: names, kinds,
/// sizes and directories swapped for one another between any two looks. So
///
///   - a path is resolved beneath the volume's root, never onto another mount and never by a magic link (openat2(2),
///     RESOLVE_BENEATH); a symbolic link counts only for a regular file within the volume;
///   - an entry is looked at without being opened (O_PATH) and opened, as that very inode, only when it is a regular
///     file: a FIFO or a lease would block, a device act;
///   - a file that was seen to change while it was read is not brought back. That is for honest programs: a write that
///     is under way, or one through a mapping, shows in no file time, so gather after the jail has ended;
///   - files, entries, depth, bytes of each and of all, length of paths, and time are bounded.
///
/// Files and directories that their owner may not open are given the right (chmod(2)) when the caller is the owner.

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/volume_files.hpp"

namespace lazaret::sandbox {

/// `root`: a directory. Blocks for at most `options.within` and one read of 256 KiB. Fails only for bad patterns and a
/// root that can't be read. Free functions; thread-safe.
[[nodiscard]] result<gathered> gather(int root, const gather_options& options);

/// One regular file below a root, open for reading, for who wants to stream it; no link is followed. Its size may
/// change at any time.
[[nodiscard]] result<unique_fd> open_left_file(int root, const std::string& path);

}  // namespace lazaret::sandbox
