#pragma once
/// The keeper: a forked copy of the process that calls start_keeper, made before that process has threads and before it
/// gives up its privileges. It starts `lazaret-jailer`, restarts it when it dies (exponential backoff, 50 ms to 5 s,
/// reset by 10 s of life), and sends the service's end of each new jailer's socket over the returned fd. It ends, and
/// the jailer and every jail with it, when that fd's last copy closes: it leaves the jailer one second to notice the
/// end of its own connection and tidy up, then kills it. The jailer in turn dies with the keeper (PR_SET_PDEATHSIG).
///
/// The jailer is started with its end of the connection as fd 3 and no other but stdio, default signal dispositions,
/// and of the environment only PATH, LD_LIBRARY_PATH, JAIL_* and the sanitizers' options: the service's secrets stay
/// out.

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
/// Fails when jailer_path can't be executed; a jailer that starts and dies is restarted for ever.
[[nodiscard]] result<unique_fd> start_keeper(const keeper_options& options);

/// Blocks until the keeper sends the next jailer's connection. An empty fd: the keeper is gone, or another thread
/// called shutdown(2) on `keeper`, which also ends it.
[[nodiscard]] result<unique_fd> next_connection(int keeper);

}  // namespace lazaret::sandbox
