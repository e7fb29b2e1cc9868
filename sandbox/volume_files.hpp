#pragma once
/// Files into a volume before a jail uses it, and out of it afterwards. Plain values; jailer::deposit and
/// jailer::gather are what they are for.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/units.hpp"

namespace lazaret::sandbox {

struct volume_file {
  std::string path;  ///< relative to the volume's root; no `.`, `..`, empty component or NUL
  std::string content;
};

/// A file as it lay in the volume before the jail; `modified` is st_mtim in nanoseconds since the epoch.
struct known_file {
  std::string path;
  std::int64_t modified = 0;
};

struct gather_options {
  std::uint64_t most_files = 100;
  bytes most_bytes = 48_MiB;  ///< of all together, as stat(2) says; the first beyond and all after it stay
  std::chrono::milliseconds within{5'000};  ///< for everything
  std::string pattern = "*";                ///< fnmatch(3), of the last component
  bool recursive = true;
  std::string place{};              ///< where the jail saw the volume: absolute links into it are followed
  std::vector<known_file> known{};  ///< left out when they were not modified since
};

enum class gathering : std::uint8_t {
  complete,  ///< also when most_files or most_bytes left something out
  too_deep,  ///< more than 256 directories within each other
  bad_name,  ///< a path that is not UTF-8
  too_late,
  unreadable,
};

struct gathered {
  gathering how = gathering::complete;
  std::vector<volume_file> files;  ///< in the order of their paths, bytewise; empty unless complete
};

}  // namespace lazaret::sandbox
