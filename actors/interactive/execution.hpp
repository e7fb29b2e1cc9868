#pragma once
/// One execution: what to run, and what came of it. Plain values; front ends make the one and word the other.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/outcome.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/volume_files.hpp"

namespace lazaret::actors {

using execution_file = sandbox::volume_file;

struct execution_request {
  std::string runtime = "python";  ///< label of the metrics
  sandbox::policy rules;           ///< without the volume
  std::string standard_input;      ///< empty: /dev/null
  std::string place;               ///< where inside the volume with the files is mounted; the program may write there
  sandbox::bytes space{48ull << 20};
  std::uint64_t inodes = 65536;
  std::vector<execution_file> files;  ///< of one path, the last one counts
  /// network_mode::outbound: names to which the jail may connect, lower case; empty: whatever is public.
  std::vector<std::string> only_hosts;
  std::optional<sandbox::gather_options> wanted;  ///< what comes back; `known` and `place` are filled in
  /// Take a stream as it comes, on the worker's thread; it is not in the answer then.
  std::function<void(std::string_view)> on_stdout, on_stderr;
  std::shared_ptr<const void> holds;  ///< what has to be there for as long as it runs
};

/// A file that could not be put where the request wants it. Nothing was run.
struct misplaced_file {
  std::string path;
  int error = 0;  ///< errno(3)
};

struct execution_answer {
  std::optional<misplaced_file> misplaced;
  int not_started = 0;  ///< errno(3) of execve(2): there is no such program, or the kernel would not run it
  sandbox::outcome how;
  std::string out, err;                        ///< everything is in `out` when the policy merges
  std::uint64_t out_bytes = 0, err_bytes = 0;  ///< all that was written, also what was over the limit
  bool truncated = false;
  sandbox::gathered left;  ///< what the program left that was wanted
};

}  // namespace lazaret::actors
