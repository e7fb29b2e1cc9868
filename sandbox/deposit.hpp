#pragma once
/// Writes files below a directory that nobody else writes to meanwhile. Runs in the steward, as the volume's owner; or
/// in the jailer, while no program has seen the volume.

#include <sys/types.h>

#include <optional>
#include <span>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/volume_files.hpp"

namespace lazaret::sandbox {

/// In order; directories are made as needed, of one path the last content counts. A failure's `subject` is the file's
/// path, its errno what Python's Path.mkdir(parents=True, exist_ok=True) and Path.write_bytes() would raise.
/// `owner`: uid and gid of what is made, from a caller who may give files away; nothing: the caller's own.
[[nodiscard]] result<std::vector<known_file>> deposit(int root, std::span<const volume_file> files,
                                                      std::optional<uid_t> owner = {});

}  // namespace lazaret::sandbox
