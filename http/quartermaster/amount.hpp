#pragma once
/// Amounts of memory as Docker's clients write them: `256m`, `1g`, `1.5GB`, `134217728`. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lazaret::http {

/// A number, then nothing (bytes) or one of b, k, m, g, t (powers of 1024) in any case, then perhaps a `b`
/// (docker.utils.parse_bytes). Nothing when it isn't that, or not below 2^62.
[[nodiscard]] std::optional<std::uint64_t> read_amount(std::string_view text) noexcept;

/// What is wrong with a setting of that kind, as config_checks.hpp words it.
[[nodiscard]] std::string check_amount(std::string_view value);

}  // namespace lazaret::http
