#pragma once
/// Writes the tree that a setup script made, as tar told of it, into an empty directory of the service's own. The tree
/// is hostile: it stays below that directory, within its limits, and holds nothing but directories, regular files and
/// symbolic links (which nobody but a jail ever follows). Not thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "actors/download/digest.hpp"
#include "actors/prebuild/tar_stream.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/units.hpp"

namespace lazaret::prebuild {

struct layer_limits {
  sandbox::bytes size{5000ULL << 20};  ///< of all contents, each entry at 512 more
  std::uint64_t entries = 500'000;
  unsigned depth = 100;
};

class layer_writer {
 public:
  /// `roots`: relative paths at or below which everything has to lie.
  layer_writer(sandbox::unique_fd directory, std::span<const std::string_view> roots, layer_limits within);

  layer_writer(const layer_writer&) = delete;
  layer_writer& operator=(const layer_writer&) = delete;

  /// A failure of step `layer` names what is too much or out of place; others are the disk's.
  [[nodiscard]] sandbox::result<void> feed(std::string_view bytes) { return archive_.feed(bytes); }

  struct written {
    std::string digest;  ///< SHA-256 of kinds, modes, paths and contents, not of times: 64 hex digits
    std::uint64_t size = 0, entries = 0;
  };
  /// On disk to stay. Fails when the archive has not come to its end.
  [[nodiscard]] sandbox::result<written> finish();

 private:
  sandbox::result<void> enter(const tar_entry& entry);
  sandbox::result<void> write(std::string_view content);
  sandbox::result<void> place(const tar_entry& entry);
  [[nodiscard]] bool is_within_roots(std::string_view path) const;
  void note(char kind, const tar_entry& entry);
  sandbox::result<void> close_file();

  sandbox::unique_fd directory_;
  std::span<const std::string_view> roots_;
  layer_limits within_;
  download::sha256 digest_;
  written so_far_;
  sandbox::unique_fd file_;
  std::uint64_t file_left_ = 0;
  std::int64_t file_modified_ = 0;
  tar_stream archive_;
};

}  // namespace lazaret::prebuild
