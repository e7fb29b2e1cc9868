#include "actors/download/listing.hpp"

#include <algorithm>
#include <array>

namespace lazaret::download {
namespace {

constexpr std::size_t most_modules = 20'000, most_entries = 1'000;

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == path.npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  return from == text.npos ? std::string_view{} : text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

/// Python's own rule without the rest of Unicode's tables: bytes beyond ASCII pass.
bool is_identifier(std::string_view word) {
  const auto good = [](unsigned char c) {
    return c == '_' || c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !word.empty() && !(word[0] >= '0' && word[0] <= '9') && std::all_of(word.begin(), word.end(), good);
}

template <class Line>
void each_line(std::string_view text, Line line) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (!line(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::size_t depth(std::string_view path) { return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')); }

/// The path as an installed file has it, relative to site-packages; empty when it is not installed as a module.
std::string_view installed_path(std::string_view path, actors::artefact_kind kind) {
  const auto first = path.substr(0, path.find('/'));
  if (kind == actors::artefact_kind::wheel) {
    if (first.ends_with(".dist-info")) return {};
    if (!first.ends_with(".data")) return path;
    path.remove_prefix(std::min(first.size() + 1, path.size()));
    for (const std::string_view scheme : {"purelib/", "platlib/"})
      if (path.starts_with(scheme)) return path.substr(scheme.size());
    return {};
  }
  // An sdist has one folder at the top, and often src/ in it.
  if (first.size() == path.size()) return {};
  path.remove_prefix(first.size() + 1);
  if (path.starts_with("src/")) path.remove_prefix(4);
  if (path.substr(0, path.find('/')).find(".egg-info") != path.npos) return {};
  constexpr std::array<std::string_view, 12> not_shipped{"test",  "tests",   "testing",  "doc",
                                                         "docs",  "example", "examples", "benchmarks",
                                                         "tools", "scripts", "build",    "ci"};
  if (const auto slash = path.find('/'); slash != path.npos && std::find(not_shipped.begin(), not_shipped.end(),
                                                                         path.substr(0, slash)) != not_shipped.end())
    return {};
  constexpr std::array<std::string_view, 5> build_files{"setup.py", "conftest.py", "noxfile.py", "tasks.py",
                                                        "versioneer.py"};
  if (std::find(build_files.begin(), build_files.end(), path) != build_files.end()) return {};
  return path;
}

}  // namespace

std::string module_at(std::string_view path) {
  auto parts = components(path);
  auto file = parts.back();
  if (file.ends_with(".py"))
    file.remove_suffix(3);
  else if (file.ends_with(".so"))
    file = file.substr(0, file.find('.'));
  else
    return {};
  parts.back() = file;
  if (file == "__init__") parts.pop_back();
  if (parts.empty() || !std::all_of(parts.begin(), parts.end(), is_identifier)) return {};
  std::string dotted;
  for (const auto part : parts) (dotted += dotted.empty() ? "" : ".") += part;
  return dotted;
}

std::vector<std::pair<std::string, std::string>> console_scripts(std::string_view entry_points) {
  std::vector<std::pair<std::string, std::string>> scripts;
  bool inside = false;
  each_line(entry_points, [&](std::string_view line) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') return true;
    if (line[0] == '[') return inside = line == "[console_scripts]", true;
    const auto equals = line.find('=');
    if (!inside || equals == line.npos) return true;
    auto target = trimmed(line.substr(equals + 1));
    target = trimmed(target.substr(0, target.find('[')));
    const auto name = trimmed(line.substr(0, equals));
    if (!name.empty() && !target.empty() && name.size() <= 200 && target.size() <= 400)
      scripts.emplace_back(name, target);
    return scripts.size() < most_entries;
  });
  return scripts;
}

void listing_builder::add_path(std::string_view path) {
  const auto installed = installed_path(path, kind_);
  if (installed.empty()) return;
  if (installed.ends_with(".pth") && listing_.pth_files.size() < most_entries) listing_.pth_files.emplace_back(path);
  if (auto module = module_at(installed); !module.empty() && listing_.modules.size() < most_modules)
    listing_.modules.push_back(std::move(module));
}

bool listing_builder::wants_content(std::string_view path) {
  const auto file = path.substr(path.rfind('/') + 1);
  if (depth(path) > 3) return false;
  return file == "PKG-INFO" || ((file == "METADATA" || file == "entry_points.txt") &&
                                (path.find(".dist-info/") != path.npos || path.find(".egg-info/") != path.npos));
}

void listing_builder::add_content(std::string_view path, std::string_view content) {
  if (path.ends_with("/entry_points.txt")) {
    for (auto& script : console_scripts(content))
      if (listing_.entry_points.size() < most_entries) listing_.entry_points.push_back(std::move(script));
    return;
  }
  // The one nearest to the root counts: NAME-VERSION/PKG-INFO before NAME-VERSION/NAME.egg-info/PKG-INFO.
  if (!metadata_path_.empty() && depth(metadata_path_) <= depth(path)) return;
  metadata_path_ = path;
  listing_.metadata_name.clear();
  listing_.metadata_version.clear();
  each_line(content, [&](std::string_view line) {
    const auto field = [&](std::string_view key, std::string& into) {
      if (into.empty() && line.starts_with(key)) into = trimmed(line.substr(key.size())).substr(0, 256);
    };
    field("Name:", listing_.metadata_name);
    field("Version:", listing_.metadata_version);
    return !trimmed(line).empty();  // headers end at the first empty line
  });
}

actors::archive_listing listing_builder::take() {
  auto& modules = listing_.modules;
  std::sort(modules.begin(), modules.end());
  modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
  return std::move(listing_);
}

}  // namespace lazaret::download
