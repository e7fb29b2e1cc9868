#pragma once
/// What is handed over is on the disk first: a run that the store calls `done` must not have an empty file after a
/// power cut. Thread-safe; every call blocks for the disk.

#include <filesystem>

#include "sandbox/failure.hpp"

namespace lazaret::actors {

/// fsync(2) of a folder: its entries are on disk.
[[nodiscard]] sandbox::result<void> sync_folder(const std::filesystem::path& which);

/// The files of a folder, the folder itself, and those above it up to `root`, in which it is: all of it is on disk and
/// is found there. What else is in the folder (folders, links) is not.
[[nodiscard]] sandbox::result<void> sync_tree(const std::filesystem::path& folder, const std::filesystem::path& root);

}  // namespace lazaret::actors
