#include "actors/download/filename.hpp"

#include <algorithm>
#include <array>

#include "actors/names.hpp"

namespace lazaret::download {
namespace {

constexpr std::array<std::string_view, 5> sdist_endings{".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz"};

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<wheel_name> parse_wheel_name(std::string_view filename) {
  if (!filename.ends_with(".whl") || filename.size() > 255) return std::nullopt;
  const auto parts = split(filename.substr(0, filename.size() - 4), '-');
  if (parts.size() != 5 && parts.size() != 6) return std::nullopt;
  wheel_name name;
  name.project = parts[0];
  if (!actors::is_package_name(actors::normalise_name(name.project))) return std::nullopt;
  auto v = parse_version(std::string{parts[1]});
  if (!v) {
    // Old builders escaped `-` and `+` of a version to `_`.
    std::string unescaped{parts[1]};
    std::replace(unescaped.begin(), unescaped.end(), '_', '-');
    v = parse_version(unescaped);
  }
  if (!v) return std::nullopt;
  name.release = std::move(*v);
  if (parts.size() == 6) {
    const auto digits = std::min(parts[2].find_first_not_of("0123456789"), parts[2].size());
    if (digits == 0) return std::nullopt;  // PEP 427: a build tag starts with a digit
    auto number = parts[2].substr(0, digits);
    number.remove_prefix(std::min(number.find_first_not_of('0'), number.size() - 1));
    name.build = {natural{std::string{number}}, std::string{parts[2].substr(digits)}};
  }
  const auto pythons = split(parts[parts.size() - 3], '.'), abis = split(parts[parts.size() - 2], '.'),
             platforms = split(parts[parts.size() - 1], '.');
  if (pythons.size() * abis.size() * platforms.size() > 1000) return std::nullopt;
  for (const auto p : pythons)
    for (const auto a : abis)
      for (const auto l : platforms) name.tags.push_back(std::string{p} + "-" + std::string{a} + "-" + std::string{l});
  return name;
}

std::optional<version> sdist_version(std::string_view filename, std::string_view project) {
  const auto ending =
      std::find_if(sdist_endings.begin(), sdist_endings.end(), [&](auto e) { return filename.ends_with(e); });
  if (ending == sdist_endings.end() || filename.size() > 255) return std::nullopt;
  const auto stem = filename.substr(0, filename.size() - ending->size());
  const auto wanted = actors::normalise_name(project);
  for (auto dash = stem.find('-'); dash != stem.npos; dash = stem.find('-', dash + 1)) {
    if (actors::normalise_name(stem.substr(0, dash)) != wanted) continue;
    if (auto v = parse_version(stem.substr(dash + 1))) return v;
  }
  return std::nullopt;
}

bool is_distribution(std::string_view filename) {
  return filename.ends_with(".whl") ||
         std::any_of(sdist_endings.begin(), sdist_endings.end(), [&](auto e) { return filename.ends_with(e); });
}

}  // namespace lazaret::download
