#pragma once
/// The embedded store: one file, for the process that opens it (a second one on the same file works too, and notices
/// the first one's work within two seconds).

#include <filesystem>

#include "actors/store/store.hpp"

namespace lazaret::durable {

/// Opens or makes it. Fails when the file is not a store, was written by a newer version, or can't be written.
[[nodiscard]] result<std::unique_ptr<store>> open_sqlite_store(const std::filesystem::path& file);

}  // namespace lazaret::durable
