#pragma once
/// The directory that a jail's Python sees in place of the host's packages: the audit hook, pip with its tools and the
/// phase driver (sandbox/python/prepare_site.sh makes it at build time, install(DIRECTORY) copies it).

#include <filesystem>

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::actors {

struct python_site {
  std::filesystem::path root;  ///< absolute

  /// Where things lie inside the jail.
  static constexpr const char* driver = "/opt/lazaret/phase.py";
};

/// `wanted`, or when that is empty `lib/lazaret/python-site` beside the `bin` directory of the running program (the
/// same in the build tree and once installed). Fails when anything that the jail needs is missing from it.
[[nodiscard]] sandbox::result<python_site> find_python_site(const std::filesystem::path& wanted = {});

/// Mounts the site over what the host's Python would see: its dist-packages are replaced, the others are covered.
void add_python_site(sandbox::policy& what, const python_site& site);

}  // namespace lazaret::actors
