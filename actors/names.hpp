#pragma once
/// Package names: PEP 508's alphabet, PEP 503's normalisation, and the denylist's way of comparing. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace lazaret::actors {

/// PEP 508: letters, digits, `.`, `-`, `_`, beginning and ending with a letter or digit; here at most 200 characters.
[[nodiscard]] bool is_package_name(std::string_view text) noexcept;

/// PEP 503: lower case, each run of `-`, `_`, `.` folded to one `-`.
[[nodiscard]] std::string normalise_name(std::string_view name);

/// `torch` denies `torch` and `torch-anything`, not `torchvision` (compat/triage.md).
[[nodiscard]] bool is_denied(std::string_view name, const std::vector<std::string>& denylist);

}  // namespace lazaret::actors
