#pragma once
/// PEP 425 compatibility tags, with PEP 600 manylinux and its older aliases, of a CPython on Linux with glibc. Pure.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lazaret::download {

/// The interpreter that the jail runs. The default is Debian 12's.
struct interpreter {
  int major = 3, minor = 11, micro = 2;
  int glibc_major = 2, glibc_minor = 36;
  std::string machine = "x86_64";

  [[nodiscard]] std::string python_version() const;  ///< `3.11.2`, what Requires-Python is compared with
};

/// `cp311-cp311-manylinux_2_36_x86_64`, ..., `py30-none-any`: what the interpreter can use, best first, in pip's order.
[[nodiscard]] std::vector<std::string> supported_tags(const interpreter& python);

/// Rank of a tag: 0 is best.
using tag_ranks = std::unordered_map<std::string, int>;
[[nodiscard]] tag_ranks rank_tags(const std::vector<std::string>& supported);

}  // namespace lazaret::download
