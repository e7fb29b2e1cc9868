#include "actors/download/release.hpp"

#include "actors/download/archive.hpp"
#include "actors/download/choose.hpp"
#include "actors/download/version.hpp"
#include "actors/names.hpp"

namespace lazaret::download {
namespace {

/// What METADATA says must be what the index sold.
void compare_metadata(const actors::submission& asked, actors::download_result& result) {
  const auto& listing = result.listing;
  if (listing.metadata_name.empty()) return;
  const auto inside = parse_version(listing.metadata_version), outside = parse_version(asked.version);
  const bool same_version = inside && outside && compare_public(*inside, *outside) == 0;
  if (actors::normalise_name(listing.metadata_name) == actors::normalise_name(asked.package_name) && same_version)
    return;
  result.notes.push_back({"metadata_mismatch", result.artefact.filename + " calls itself " + listing.metadata_name +
                                                   " " + listing.metadata_version});
}

}  // namespace

result<actors::download_result> download_release(const actors::submission& asked, registry& from,
                                                 download_budget& budget, std::stop_token stop) {
  if (asked.ecosystem != "pypi")
    return download_error{problem::refused, "no registry is known for ecosystem " + asked.ecosystem};
  if (actors::is_denied(asked.package_name, from.options().denylist))
    return download_error{problem::refused, "package is denied: " + actors::normalise_name(asked.package_name)};
  const auto page = from.page(asked.package_name, &budget, stop);
  if (!page) return page.error();
  const auto chosen = choose(**page, asked.package_name, asked.version, from.options().python, from.ranks());
  if (!chosen) return chosen.error();

  const auto& file = *chosen->file;
  const auto got = from.file({file.url, file.sha256, file.size}, &budget, stop);
  if (!got) return got.error();

  actors::download_result out;
  out.artefact.filename = file.filename;
  out.artefact.url = file.url;
  out.artefact.sha256 = got->sha256;
  out.artefact.digest_from_index = !file.sha256.empty();
  out.artefact.size = got->size;
  out.artefact.kind = chosen->kind;
  out.artefact.yanked = file.yanked.has_value();
  out.artefact.requires_python = file.requires_python;
  if (!out.artefact.digest_from_index)
    out.notes.push_back({"digest_missing", "the index gives no sha256 of " + file.filename});
  if (file.yanked)
    out.notes.push_back({"yanked", file.filename + " was yanked" + (file.yanked->empty() ? "" : ": " + *file.yanked)});

  auto examined = examine_archive(got->file->get(), file.filename, chosen->kind, from.options().archives, stop);
  if (stop.stop_requested()) return download_error{problem::canceled, "canceled"};
  out.listing = std::move(examined.listing);
  out.unpackable = examined.unpackable;
  if (!examined.unpackable) out.error = file.filename + " " + examined.error;
  for (auto& note : examined.notes) out.notes.push_back({std::move(note.rule), file.filename + " " + note.evidence});
  compare_metadata(asked, out);
  return out;
}

}  // namespace lazaret::download
