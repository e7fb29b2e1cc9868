#pragma once
/// The files of jobs: a folder for each below BLOB_DIR/jobs, with `input`, and a `log` and the `artifacts` of each
/// attempt. No name of a client's is a path here: job::input and job::artifacts say what lies where in these files.
/// Thread-safe; every call blocks for the disk.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "actors/batch/job.hpp"

namespace lazaret::batch {

struct incoming_file {
  std::string role, name;
  std::string_view content;
};

class folder {
 public:
  /// Makes the folder below it, too.
  [[nodiscard]] static sandbox::result<folder> open(const std::filesystem::path& blob_dir);

  /// Makes the job's folder and writes its input; on disk when it returns, and nothing is left when it fails.
  [[nodiscard]] sandbox::result<std::vector<kept_file>> keep(const std::string& id,
                                                             std::span<const incoming_file> files) const;
  void remove(const std::string& id) const noexcept;

  /// Which has a folder for each job.
  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] std::filesystem::path input(const std::string& id) const { return root_ / id / "input"; }
  [[nodiscard]] std::filesystem::path log(const std::string& id, int attempt) const {
    return root_ / id / ("log." + std::to_string(attempt));
  }
  [[nodiscard]] std::filesystem::path artifacts(const std::string& id, int attempt) const {
    return root_ / id / ("artifacts." + std::to_string(attempt));
  }

 private:
  explicit folder(std::filesystem::path root) : root_{std::move(root)} {}
  std::filesystem::path root_;
};

/// Makes a file of that content; on disk when it returns.
[[nodiscard]] sandbox::result<void> write_whole(const std::filesystem::path& file, std::string_view content);

/// The whole of one of the pieces in that file.
[[nodiscard]] sandbox::result<std::string> read_piece(int file, const kept_file& piece);

}  // namespace lazaret::batch
