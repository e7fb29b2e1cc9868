#pragma once
/// What of the table of runtimes this host has, and how a policy is made to run one. Made once, at the service's start;
/// constant and thread-safe from then on, but for the versions, which are asked for in the background.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sandbox/policy.hpp"
#include "sandbox/runtimes/runtimes.hpp"
#include "sandbox/volume_files.hpp"

namespace lazaret::sandbox {

class installed_runtimes {
 public:
  /// `directory`: RUNTIMES_DIR, absolute. Looks which paths there are (a few stat(2)), and starts to ask for versions:
  /// each runtime's own program, on the host, 10 s at most.
  explicit installed_runtimes(std::string directory, bool asks_versions = true);
  ~installed_runtimes();

  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  [[nodiscard]] bool has(const runtime& which) const;
  /// The first line that the program says of itself; empty while it has not answered, and where it can't.
  [[nodiscard]] std::string version(const runtime& which) const;
  /// For who asked for one that is not there: `go is not installed here (/usr/bin/go is missing); apt-get install
  /// golang-go`. Empty for one that is there.
  [[nodiscard]] std::string what_is_missing(const runtime& which) const;

  /// Adds to the policy what the runtime needs: environment (PATH and HOME replaced, variables of the same name too),
  /// working directory, links, binds, overlays. `place`: where the caller mounts a volume that has sdk() and the
  /// sources in it; /metadata leads there. /tmp is the caller's, and must be executable for Go and Rust. The caller's
  /// own variables come after this.
  void furnish(const runtime& which, const std::string& place, policy& what) const;

  /// The SDK's files, by paths below the working directory. Deposit them before the client's own, which win.
  [[nodiscard]] std::vector<volume_file> sdk(const runtime& which, const std::string& place) const;

  /// argv of the compile stage and of the run stage, both in the working directory.
  [[nodiscard]] std::vector<std::string> compile_argv(const runtime& which, const std::string& place) const;
  [[nodiscard]] std::vector<std::string> run_argv(const runtime& which, const std::string& place) const;

 private:
  struct versions;
  [[nodiscard]] std::string expand(std::string_view text, std::string_view place = {}) const;
  void ask_versions(const std::stop_token& stop);

  std::string directory_;
  std::vector<std::string> missing_;  ///< by row: the path that is not there
  std::unique_ptr<versions> versions_;
  std::jthread asking_;
};

/// Where the compile stage leaves the program, below the working directory.
inline constexpr std::string_view compiled_program = ".build/program";

/// Where a program stores what it says through the SDK: in the working directory, by way of /metadata.
inline constexpr std::string_view metadata_file = ".quartermaster_metadata.json";

}  // namespace lazaret::sandbox
