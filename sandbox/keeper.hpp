#pragma once
/// The keeper: a forked copy of the process that calls start_keeper, made before that process has threads and before it
/// gives up its privileges. It starts `lazaret-jailer`, restarts it when it dies (exponential backoff, 50 ms to 5 s),
/// and sends the service's end of each new jailer's socket over the returned fd. It ends, and the jailer and every jail
/// with it, when that fd's last copy closes.

#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

struct keeper_options {
  std::string jailer_path;                  ///< absolute path of lazaret-jailer
  std::vector<std::string> jailer_options;  ///< appended to its command line
};

/// Forks. Call while single-threaded. The returned SOCK_SEQPACKET fd yields one message with one fd per jailer start.
[[nodiscard]] result<unique_fd> start_keeper(const keeper_options& options);

/// Blocks until the keeper sends the next jailer's connection. An empty fd: the keeper is gone.
[[nodiscard]] result<unique_fd> next_connection(int keeper);

}  // namespace lazaret::sandbox
