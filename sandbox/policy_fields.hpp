#pragma once
/// What each field of a policy means to those who are outside of the jail: as data, for `lazaret jail --explain`, for
/// documentation, and for whoever is about to change a number.

#include <span>
#include <string>
#include <string_view>

#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

struct policy_field {
  std::string_view name;  ///< as in policy.hpp
  std::string (*value)(const policy&);
  std::string_view loosening;  ///< the consequence of giving more
};

/// All of policy and limits but argv, in the order in which a person asks.
[[nodiscard]] std::span<const policy_field> policy_fields();

}  // namespace lazaret::sandbox
