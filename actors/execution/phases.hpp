#pragma once
/// The phases of a triage run, each as a sandbox::policy. Pure functions.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/execution/site.hpp"
#include "actors/run.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::actors {

/// Limits of each phase; the names in DESIGN section 6 stand beside them.
struct execution_options {
  std::chrono::seconds wall{45};                ///< RUN_TIMEOUT_SEC
  std::chrono::seconds cpu{30};                 ///< RLIMIT_CPU_SEC, of all processes together
  sandbox::bytes address_space{1024ull << 20};  ///< RLIMIT_AS_MB, of each process
  std::uint32_t open_files = 1024;              ///< RLIMIT_NOFILE
  std::uint32_t pids = 128;                     ///< CGROUP_PIDS_MAX
  sandbox::bytes disk{512ull << 20};            ///< of the run's volume, which its phases share
  python_site site;
};

/// Everything that a run writes lies in one volume, mounted here: pip renames what it unpacked into the target, which
/// across mounts would be a copy of everything (450 ms for setuptools).
inline constexpr const char* work_directory = "/work";
inline constexpr const char* target_directory = "/work/site";

/// The names of the phases of a mode, in order; the first is always `install`.
[[nodiscard]] std::vector<std::string> phases_of(mode m);

/// Fails when the submission's name or version holds a character that neither may have: they were validated long
/// before, and this is the last look before they become a requirement that pip parses.
[[nodiscard]] sandbox::result<sandbox::policy> install_policy(const submission& asked,
                                                              const execution_options& options);

/// `phase`: `execute`, `execute_module`, `import` or `entry_points`. No network at all.
[[nodiscard]] sandbox::policy run_policy(const std::string& phase, const submission& asked,
                                         const execution_options& options);

}  // namespace lazaret::actors
