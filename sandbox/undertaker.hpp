#pragma once
/// Closes descriptors whose closing takes long, in a process of its own.
///
/// The last reference to a mount namespace takes its mounts down, and each file system in it waits for an RCU grace
/// period: 0.3 ms for a jail's, many on a loaded host (namespace_unlock() in fs/namespace.c, kern_unmount_array() for
/// an overlay's layers). The last process of a jail would do that before it counts as dead. So the jailer keeps a
/// reference until everybody has been told of the jail's end.

#include "sandbox/companion.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class undertaker {
 public:
  /// Call when the process is in the namespaces it stays in: its companion stays in them, too.
  [[nodiscard]] static result<undertaker> make();
  /// One without a companion, for a process that ends soon: it has the kernel close what it is given.
  undertaker() = default;

  /// Never blocks: what does not fit into the queue is closed here.
  void bury(unique_fd fd) noexcept;

 private:
  undertaker(unique_fd queue, companion digger) : digger_{std::move(digger)}, queue_{std::move(queue)} {}
  companion digger_;  ///< ends when the queue has closed, which is done before
  unique_fd queue_;
};

}  // namespace lazaret::sandbox
