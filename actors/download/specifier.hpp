#pragma once
/// PEP 440 version specifiers, as Requires-Python and `NAME==VERSION` have them. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/download/version.hpp"

namespace lazaret::download {

struct specifier {
  std::string op;             ///< `==`, `!=`, `<=`, `>=`, `<`, `>`, `~=`, `===`
  std::string written;        ///< the right side
  std::optional<version> to;  ///< parsed; only `===` may lack it
  bool is_prefix = false;     ///< `==1.2.*`, `!=1.2.*`
};

/// A comma-separated set; empty text is the set that allows everything. Nothing when it is not PEP 440; at most 64
/// parts.
[[nodiscard]] std::optional<std::vector<specifier>> parse_specifiers(std::string_view text);

/// Pre-releases are not held back: that is a resolver's choice, not a comparison's.
[[nodiscard]] bool allows(const specifier& s, const version& candidate);
[[nodiscard]] bool allows(const std::vector<specifier>& all, const version& candidate);

}  // namespace lazaret::download
