#pragma once
/// One execution: what to run, and what came of it. Plain values; front ends make the one and word the other.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/conversation.hpp"
#include "sandbox/outcome.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/volume_files.hpp"

namespace lazaret::actors {

/// Whose share of the workers an execution takes.
struct claimant {
  std::string address;  ///< of the connection's other end
  std::string key;      ///< the name of the key that it came with, never the key; empty: none was needed
  claimant() = default;
  claimant(std::string where, std::string which = {}) : address{std::move(where)}, key{std::move(which)} {}
};

using execution_file = sandbox::volume_file;

/// Somebody who talks with the program while it runs. The functions are called by the worker and must not block.
struct live_talk {
  std::shared_ptr<sandbox::conversation> with;                        ///< standard input comes from there
  std::function<void()> started;                                      ///< the program has been executed
  std::function<void(bool is_error, std::string_view bytes)> output;  ///< as it comes; nothing of it is in the answer
};

struct execution_request {
  std::string runtime = "python";         ///< label of the metrics
  sandbox::policy rules;                  ///< without the volume
  std::string standard_input;             ///< empty: /dev/null
  std::shared_ptr<const live_talk> live;  ///< null: nobody talks; `standard_input` is not looked at otherwise
  std::string place;  ///< where inside the volume with the files is mounted; the program may write there
  sandbox::bytes space{48ull << 20};
  std::uint64_t inodes = 65536;
  std::vector<execution_file> files;              ///< of one path, the last one counts
  std::optional<sandbox::gather_options> wanted;  ///< what comes back; `known` and `place` are filled in
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
