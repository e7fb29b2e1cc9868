#pragma once
/// Opens what a jail left at the top of a volume, for somebody who may not open it: file contents that are too large
/// for a message go as descriptors. The tree is hostile; nobody writes to it any more. Runs in the steward, as the
/// volume's owner.

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// Regular files in the order of their names, bytewise, a few at a time.
struct handed_files {
  struct file {
    std::string name;        ///< one component, bytes as the program chose them
    std::uint64_t size = 0;  ///< as stat(2) said; a sparse file may be larger than the volume
  };
  std::vector<file> files;
  std::vector<unique_fd> opened;  ///< of each, for reading only
  bool more = false;              ///< ask again, after the last one's name
  /// Entries that are none of them, in the whole directory.
  std::uint64_t directories = 0, special = 0, unreadable = 0;
};

/// As many as one message carries (wire::max_fds).
[[nodiscard]] result<handed_files> hand_out(int root, const std::string& after);

}  // namespace lazaret::sandbox
