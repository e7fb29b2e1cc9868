#pragma once
/// How the service gives up root. Single-threaded start-up code.

#include <filesystem>
#include <string>

#include "sandbox/failure.hpp"

namespace lazaret::http {

/// Makes `folder` (0750) where it does not exist, as the property of `user` when the caller is root and a user is
/// given.
[[nodiscard]] sandbox::result<void> make_data_folder(const std::filesystem::path& folder, const std::string& user);

/// Becomes `user` with that user's groups, for good: real, effective and saved ids, no capability, no new privileges
/// (credentials(7), capabilities(7)). Does nothing when the caller is not root or `user` is empty. Fails when the
/// change did not take, or when `must_write` can't be written afterwards.
[[nodiscard]] sandbox::result<void> become(const std::string& user, const std::filesystem::path& must_write);

}  // namespace lazaret::http
