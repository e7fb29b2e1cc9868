#pragma once
/// Reads what a jail left in a volume. Its tree is hostile: links that lead out, pipes, names and depths without end,
/// sizes that lie. Nobody writes to it any more. Runs in the steward, as the volume's owner.

#include "sandbox/volume_files.hpp"

namespace lazaret::sandbox {

/// Regular files, and links to such within the volume; nothing whose path has a component that begins with `.`.
[[nodiscard]] gathered gather(int root, const gather_options& options);

}  // namespace lazaret::sandbox
