#include "actors/download/tags.hpp"

namespace lazaret::download {
namespace {

std::vector<std::string> platforms(const interpreter& python) {
  std::vector<std::string> all;
  // PEP 600; nothing was ever built for a glibc before 2.5 (2.17 elsewhere than on x86).
  const bool x86 = python.machine == "x86_64" || python.machine == "i686";
  const int oldest = x86 ? 5 : 17;
  const auto alias = [&](int minor) -> const char* {
    if (minor == 17) return "manylinux2014_";
    if (minor == 12 && x86) return "manylinux2010_";
    if (minor == 5 && x86) return "manylinux1_";
    return nullptr;
  };
  if (python.glibc_major == 2) {
    for (int minor = python.glibc_minor; minor >= oldest; --minor) {
      all.push_back("manylinux_2_" + std::to_string(minor) + "_" + python.machine);
      if (const auto* old_name = alias(minor)) all.push_back(old_name + python.machine);
    }
  }
  all.push_back("linux_" + python.machine);
  return all;
}

}  // namespace

std::string interpreter::python_version() const {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(micro);
}

std::vector<std::string> supported_tags(const interpreter& python) {
  const auto plats = platforms(python);
  const auto cp = [&](int minor) { return "cp" + std::to_string(python.major) + std::to_string(minor); };
  const auto py = [&](int minor) { return "py" + std::to_string(python.major) + std::to_string(minor); };
  const auto any_py = "py" + std::to_string(python.major);
  std::vector<std::string> tags;
  const auto on_platforms = [&](const std::string& stem) {
    for (const auto& p : plats) tags.push_back(stem + "-" + p);
  };
  const auto own = cp(python.minor);
  on_platforms(own + "-" + own);
  on_platforms(own + "-abi3");
  on_platforms(own + "-none");
  for (int minor = python.minor - 1; minor >= 2; --minor) on_platforms(cp(minor) + "-abi3");
  // packaging.tags.compatible_tags
  on_platforms(py(python.minor) + "-none");
  on_platforms(any_py + "-none");
  for (int minor = python.minor - 1; minor >= 0; --minor) on_platforms(py(minor) + "-none");
  tags.push_back(own + "-none-any");
  tags.push_back(py(python.minor) + "-none-any");
  tags.push_back(any_py + "-none-any");
  for (int minor = python.minor - 1; minor >= 0; --minor) tags.push_back(py(minor) + "-none-any");
  return tags;
}

tag_ranks rank_tags(const std::vector<std::string>& supported) {
  tag_ranks ranks;
  for (const auto& tag : supported) ranks.emplace(tag, static_cast<int>(ranks.size()));
  return ranks;
}

}  // namespace lazaret::download
