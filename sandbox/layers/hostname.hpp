#pragma once
/// Layer `uts`: the jail's own host and domain name, so that it is told nothing of the machine it is on
/// (uts_namespaces(7)). The namespace is made by clone3 (running_jail.cpp).

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

[[nodiscard]] result<void> name_host(const policy& what);

}  // namespace lazaret::sandbox
