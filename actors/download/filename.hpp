#pragma once
/// What the name of a distribution file says: PEP 427 for wheels, PEP 625 and its elders for sdists. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/download/version.hpp"

namespace lazaret::download {

struct wheel_name {
  std::string project;  ///< as written
  version release;
  std::optional<std::pair<natural, std::string>> build;  ///< number and the rest; sorts as it is
  std::vector<std::string> tags;                         ///< `py2.py3-none-any` expanded; at most 1000
};

[[nodiscard]] std::optional<wheel_name> parse_wheel_name(std::string_view filename);

/// The version in `NAME-VERSION.tar.gz` (also .zip, .tar.bz2, .tar.xz, .tgz) for a project that is known: in `a-b-1.0`
/// only that tells where the name ends. Nothing when it is no sdist of that project.
[[nodiscard]] std::optional<version> sdist_version(std::string_view filename, std::string_view project);

/// Neither a wheel nor an sdist: eggs, installers, signatures, metadata.
[[nodiscard]] bool is_distribution(std::string_view filename);

}  // namespace lazaret::download
