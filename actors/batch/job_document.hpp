#pragma once
/// A job as the store keeps it: a document of the kind `job` whose body is everything that is known of it but its
/// files. Pure.

#include <optional>
#include <string>

#include "actors/batch/job.hpp"
#include "actors/store/store.hpp"

namespace lazaret::batch {

inline constexpr const char* job_kind = "job";

/// Retention counts from the end of a job.
[[nodiscard]] durable::document to_document(const job& j);
/// Nothing for what to_document() didn't write.
[[nodiscard]] std::optional<job> to_job(const std::string& body);

}  // namespace lazaret::batch
