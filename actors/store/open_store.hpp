#pragma once
/// The store that STORE_URL names.

#include <filesystem>
#include <memory>
#include <string_view>

#include "actors/store/store.hpp"

namespace lazaret::durable {

inline constexpr std::string_view sqlite_scheme = "sqlite:";

/// `sqlite:` is the file lazaret.sqlite in `data_dir`, `sqlite:FILE` that file; all else as open_redis_store() reads
/// it. Fails as they do; no text carries a password.
[[nodiscard]] result<std::shared_ptr<store>> open_store(std::string_view url, const std::filesystem::path& data_dir);

}  // namespace lazaret::durable
