#pragma once
/// A run as the store keeps it: a document of the kind `run` whose body is everything that is known of it. Pure.

#include <optional>
#include <string>

#include "actors/run.hpp"
#include "actors/store/store.hpp"

namespace lazaret::actors {

inline constexpr const char* run_kind = "run";

/// The body, and what lists are filtered by: `status`, `package` (normalised) and `verdict`. Retention counts from the
/// end of a run.
[[nodiscard]] durable::document to_document(const run& r);
/// Nothing for what to_document() didn't write. Parts that another version wrote and this one can't read are left out.
[[nodiscard]] std::optional<run> to_run(const std::string& body);

}  // namespace lazaret::actors
