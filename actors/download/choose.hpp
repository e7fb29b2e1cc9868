#pragma once
/// Which file of a project's page NAME==VERSION is, for one interpreter. Pure.

#include "actors/download/error.hpp"
#include "actors/download/index.hpp"
#include "actors/download/tags.hpp"
#include "actors/download/version.hpp"
#include "actors/run.hpp"

namespace lazaret::download {

struct choice {
  const index_file* file = nullptr;  ///< into the page
  actors::artefact_kind kind = actors::artefact_kind::wheel;
};

/// The best wheel that fits (tag order, then build number), else the sdist (.tar.gz before .zip before the rest). Files
/// whose Requires-Python excludes the interpreter are passed over; one that can't be read excludes nothing, as with
/// pip. A yanked file is taken only when no other will do: the version is pinned, so PEP 592 allows it.
///
/// not_found says `version not found: NAME==VERSION (newest: X)`, or why none of the version's files fits.
[[nodiscard]] result<choice> choose(const index_page& page, std::string_view name, std::string_view pinned_version,
                                    const interpreter& python, const tag_ranks& ranks);

/// The version that a file of `project` belongs to; nothing when it is no distribution of it.
[[nodiscard]] std::optional<version> version_of(const index_file& file, std::string_view project);

}  // namespace lazaret::download
