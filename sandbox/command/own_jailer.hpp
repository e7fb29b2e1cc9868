#pragma once
/// A jailer for one jail: a forked child that serves a socket pair, and ends, with all that it made, when the other end
/// closes: also when this process is killed.

#include <sys/types.h>

#include <string>
#include <vector>

#include "sandbox/command/command_line.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/jailer_process.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox::command {

class own_jailer {
 public:
  /// What a jailer of a command is started with: what --bind names, and JAIL_REQUIRE of the environment.
  [[nodiscard]] static result<jailer_process_options> options_for(const command_line& line);
  /// Forks; call while single-threaded. What prevents the jailer from starting is answered to the first request.
  [[nodiscard]] static result<own_jailer> start(jailer_process_options options);
  own_jailer(own_jailer&& other) noexcept
      : pid_{std::exchange(other.pid_, -1)},
        pidfd_{std::move(other.pidfd_)},
        connection_{std::move(other.connection_)} {}
  /// Waits for it. Close the connection first.
  ~own_jailer();

  [[nodiscard]] unique_fd take_connection() noexcept { return std::move(connection_); }

 private:
  own_jailer(pid_t pid, unique_fd pidfd, unique_fd connection)
      : pid_{pid}, pidfd_{std::move(pidfd)}, connection_{std::move(connection)} {}
  pid_t pid_ = -1;
  unique_fd pidfd_, connection_;
};

}  // namespace lazaret::sandbox::command
