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

/// The stage before the run, in a jail of its own, for languages that have one.
struct compile_stage {
  sandbox::policy rules;  ///< without the volume, which is mounted at the request's `place`
  sandbox::bytes space{512ull << 20};
  std::uint64_t inodes = 65536;
  std::vector<execution_file> files;  ///< the sources; of one path, the last one counts
  std::string version;                ///< of the compiler
  bool keep = false;                  ///< the program can be run again, by the name that the answer gives
};

struct execution_request {
  std::string runtime = "python";         ///< label of the metrics
  sandbox::policy rules;                  ///< without the volume
  std::string standard_input;             ///< empty: /dev/null
  std::shared_ptr<const live_talk> live;  ///< null: nobody talks; `standard_input` is not looked at otherwise
  std::string place;  ///< where inside the volume with the files is mounted; the program may write there
  sandbox::bytes space{48ull << 20};
  std::uint64_t inodes = 65536;
  std::vector<execution_file> files;     ///< of one path, the last one counts
  std::size_t own_files = 0;             ///< so many at the front of these are not the client's
  std::optional<compile_stage> compile;  ///< leaves `program`, which is then added to `files`
  std::string artifact;                  ///< not empty: add this kept program to `files`; `sha256:` and 64 hex digits
  std::string program;                   ///< its path below `place`
  /// network_mode::outbound: names to which the jail may connect, lower case; empty: whatever is public.
  std::vector<std::string> only_hosts;
  std::optional<sandbox::gather_options> wanted;  ///< what comes back; `known` and `place` are filled in
  /// Take a stream as it comes, on the worker's thread; it is not in the answer then.
  std::function<void(std::string_view)> on_stdout, on_stderr;
  std::shared_ptr<const void> holds;  ///< what has to be there for as long as it runs
};

inline constexpr std::string_view artifact_prefix = "sha256:";
/// Of the form that artifact_name() gives (artifacts.hpp). Others are never looked for.
[[nodiscard]] constexpr bool is_artifact_name(std::string_view name) noexcept {
  return name.size() == artifact_prefix.size() + 64 && name.starts_with(artifact_prefix) &&
         name.find_first_not_of("0123456789abcdef", artifact_prefix.size()) == name.npos;
}

/// A file that could not be put where the request wants it. Nothing was run.
struct misplaced_file {
  std::string path;
  int error = 0;  ///< errno(3)
};

/// What a jail's program printed, and how it ended.
struct program_result {
  int not_started = 0;  ///< errno(3) of execve(2): there is no such program, or the kernel would not run it
  sandbox::outcome how;
  std::string out, err;                        ///< everything is in `out` when the policy merges
  std::uint64_t out_bytes = 0, err_bytes = 0;  ///< all that was written, also what was over the limit
  bool truncated = false;
};

struct compiled {
  program_result result;   ///< of nothing when it was `kept_before`
  bool succeeded = false;  ///< exited with 0, and left a program
  bool kept_before = false;
};

/// The run stage's result, and what was before it.
struct execution_answer : program_result {
  std::optional<misplaced_file> misplaced;
  std::optional<compiled> compile;  ///< unless it succeeded, nothing was run
  bool no_such_artifact = false;    ///< nothing was run
  std::string artifact;             ///< by which the program can be run again; empty: it is not kept
  sandbox::gathered left;           ///< what the program left that was wanted
};

}  // namespace lazaret::actors
