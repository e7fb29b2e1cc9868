#pragma once
/// Who this node is among those that share a store: whatever it holds there, it holds by that name.

#include <filesystem>
#include <string>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::actors {

/// As long as it lives no other process has the same DATA_DIR. Move-only.
class node_identity {
 public:
  /// Reads the name from `data_dir`/node, or makes one up and keeps it there: it is the same after a restart, and no
  /// two data folders have one unless somebody copied it. Fails when another process that lives has the folder; waits
  /// two seconds for one that is on its way out.
  [[nodiscard]] static sandbox::result<node_identity> claim(const std::filesystem::path& data_dir);

  /// HOST-XXXXXXXXXXXX: [A-Za-z0-9._-]{1,64}. The host is the one that it was made on.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  node_identity(sandbox::unique_fd lock, std::string name) : lock_{std::move(lock)}, name_{std::move(name)} {}
  sandbox::unique_fd lock_;  ///< of flock(2): the kernel lets go of it when the process ends, however it ends
  std::string name_;
};

}  // namespace lazaret::actors
