#pragma once
/// PEP 440 versions and their order. Pure. Numbers have no upper bound (dates with fractions are in use); texts beyond
/// 256 characters are no versions.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lazaret::download {

/// A non-negative number of any length: decimal digits without leading zeros, `0` for nought.
struct natural {
  std::string digits = "0";
  friend bool operator==(const natural&, const natural&) = default;
  friend std::strong_ordering operator<=>(const natural& a, const natural& b) {
    if (const auto by_length = a.digits.size() <=> b.digits.size(); by_length != 0) return by_length;
    return a.digits.compare(b.digits) <=> 0;
  }
};

struct version {
  enum class pre_phase : std::uint8_t { alpha, beta, candidate };
  struct local_part {
    bool numeric = false;
    natural number;
    std::string text;  ///< lower case
  };

  natural epoch;
  std::vector<natural> release;  ///< as written, trailing zeros included; at least one
  std::optional<std::pair<pre_phase, natural>> pre;
  std::optional<natural> post, dev;
  std::vector<local_part> local;

  [[nodiscard]] bool is_prerelease() const { return pre.has_value() || dev.has_value(); }
  /// The canonical form: `1!2.0rc1.post2.dev3+local.4`.
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] std::optional<version> parse_version(std::string_view text);

/// PEP 440's total order: trailing zeros don't count, locals do.
[[nodiscard]] std::strong_ordering compare(const version& a, const version& b);
/// The same without the local parts.
[[nodiscard]] std::strong_ordering compare_public(const version& a, const version& b);
/// Epoch and release alone, trailing zeros not counted.
[[nodiscard]] std::strong_ordering compare_release(const version& a, const version& b);

}  // namespace lazaret::download
