#pragma once
/// The jailer's own look at what it was asked for. The service parses what strangers send and may have been taken over,
/// so a policy is checked here whatever was checked before. Single-threaded.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

/// The host paths that jails may see. A bind's source must lie at or below one of them after symbolic links.
class bind_rules {
 public:
  /// `prefixes` are absolute; what doesn't exist is left out. The host's system directories are always allowed.
  explicit bind_rules(const std::vector<std::string>& prefixes);
  /// `canonical`: as /proc/self/fd names an open file.
  [[nodiscard]] bool allow(std::string_view canonical) const;
  /// Canonical, those of redirect() too.
  [[nodiscard]] const std::vector<std::string>& prefixes() const noexcept { return prefixes_; }
  /// From now on a source below `prefix` is taken from `place`, where the same directory is mounted.
  void redirect(std::string prefix, std::string place);
  [[nodiscard]] std::string where(const std::string& source) const;

 private:
  std::vector<std::string> prefixes_;
  std::vector<std::pair<std::string, std::string>> redirections_;
};

/// Absolute, without `.`, `..`, empty components and NUL; at most PATH_MAX bytes.
[[nodiscard]] bool is_plain_path(std::string_view path);

/// Every number in range, every path plain, every index within `volumes`. The failure names the field.
[[nodiscard]] result<void> validate(const policy& what, std::size_t volumes);

}  // namespace lazaret::sandbox
