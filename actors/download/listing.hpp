#pragma once
/// What the paths and the metadata files of an archive say about a release. Pure; nothing is run or believed.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/run.hpp"

namespace lazaret::download {

/// Gathers a listing path by path. At most 20,000 modules, 1,000 entry points and 1,000 `.pth` files are kept.
class listing_builder {
 public:
  explicit listing_builder(actors::artefact_kind kind) : kind_{kind} {}

  /// A regular file of the archive, by its normalised path (no `.`, no empty component).
  void add_path(std::string_view path);
  /// Files whose text is wanted: METADATA, PKG-INFO, entry_points.txt.
  [[nodiscard]] static bool wants_content(std::string_view path);
  void add_content(std::string_view path, std::string_view content);

  [[nodiscard]] actors::archive_listing take();

 private:
  actors::artefact_kind kind_;
  actors::archive_listing listing_;
  std::string metadata_path_;
};

/// The dotted name of a Python source or extension module at a path relative to sys.path: `a/b.py` is `a.b`,
/// `a/__init__.py` is `a`, `x.cpython-311-x86_64-linux-gnu.so` is `x`. Empty when the path is no importable module.
[[nodiscard]] std::string module_at(std::string_view path);

/// `[console_scripts]` of an entry_points.txt: name and `module:attr`, extras dropped.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> console_scripts(std::string_view entry_points);

}  // namespace lazaret::download
