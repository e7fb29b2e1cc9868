#pragma once
/// Writes files below a directory that nobody else writes to meanwhile. Runs in the steward, as the volume's owner.

#include <span>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/volume_files.hpp"

namespace lazaret::sandbox {

/// In order; directories are made as needed, of one path the last content counts. A failure's `subject` is the file's
/// path, its errno what Python's Path.mkdir(parents=True, exist_ok=True) and Path.write_bytes() would raise.
[[nodiscard]] result<std::vector<known_file>> deposit(int root, std::span<const volume_file> files);

}  // namespace lazaret::sandbox
