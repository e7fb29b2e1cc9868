#pragma once
/// One execution: what to run, and what came of it. Plain values; front ends make the one and word the other.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/outcome.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/volume_files.hpp"

namespace lazaret::actors {

using execution_file = sandbox::volume_file;

/// One file that the program may leave and that comes back whatever its name. `place` is the volume too, seen there
/// also: a jail writes to one volume only.
struct left_file {
  std::string place, name;
  sandbox::bytes most{1ull << 20};  ///< a larger one stays
};

struct execution_request {
  std::string runtime = "python";  ///< label of the metrics
  sandbox::policy rules;           ///< without the volume
  std::string standard_input;      ///< empty: /dev/null
  std::string place;               ///< where inside the volume with the files is mounted; the program may write there
  sandbox::bytes space{48ull << 20};
  std::uint64_t inodes = 65536;
  std::vector<execution_file> files;              ///< of one path, the last one counts
  std::optional<sandbox::gather_options> wanted;  ///< what comes back; `known` and `place` are filled in
  std::optional<left_file> left;
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
  sandbox::gathering gathering = sandbox::gathering::complete;
  std::vector<execution_file> files;
  std::optional<std::string> left;  ///< what the left_file holds
};

}  // namespace lazaret::actors
