#pragma once
/// Where jobs are before anybody is told of them. Thread-safe; every call blocks for a query or a commit. A write that
/// returned is on disk. Lies in the same file as the runs' store, by connections of its own.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/batch/job.hpp"

namespace lazaret::batch {

class job_store {
 public:
  virtual ~job_store() = default;

  /// Writes the whole job: a new one, or in the place of the one of that id.
  virtual sandbox::result<void> save(const job& what) = 0;
  [[nodiscard]] virtual std::optional<job> find(const std::string& id) = 0;
  /// Oldest first. What a restarted service goes on with.
  [[nodiscard]] virtual std::vector<job> unfinished() = 0;
  /// Forgets jobs that ended before that, at most `most` of them; their ids.
  virtual sandbox::result<std::vector<std::string>> forget(job::time ended_before, std::size_t most) = 0;
};

/// Opens or makes the store in that file. Fails as actors::open_sqlite_store does.
[[nodiscard]] sandbox::result<std::unique_ptr<job_store>> open_job_store(const std::filesystem::path& file);

}  // namespace lazaret::batch
